export { noRedis, startRedis } from '../fixtures/redis.js'
