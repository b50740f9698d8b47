import { describe, test } from 'vitest'
import { noRedis } from '../fixtures/redis.js'
import { redisStandsStill } from './redis-away.js'

describe.skipIf(noRedis)('a Redis that is away, at full length', () => {
  test('S5, fault 13: it stands still for 30 s under load; not ready after 10 s; everything queued is appended once, in order', async () => {
    await redisStandsStill({ awayMs: 30_000, queueEvents: 10_000, notReadyAfterMs: 10_000, everyMs: 10, atOnce: 5 })
  })
})
