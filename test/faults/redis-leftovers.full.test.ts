import { describe, test } from 'vitest'
import { noRedis } from '../fixtures/redis.js'
import { jobsAndTopicsComeAndGo } from './redis-leftovers.js'

describe.skipIf(noRedis)('what is left behind in Redis and in the node, at full length', () => {
  test('J8, S4: 10,000 short jobs and 10,000 topics that came and went leave nothing: keys, channels, memory, timers', async () => {
    await jobsAndTopicsComeAndGo(10_000)
  })
})
