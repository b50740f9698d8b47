import { describe, test } from 'vitest'
import { noRedis } from '../fixtures/redis.js'
import { jobsAndTopicsComeAndGo } from './redis-leftovers.js'

describe.skipIf(noRedis)('what is left behind in Redis and in the node', () => {
  test('J8, S4: 500 short jobs and 500 topics that came and went leave nothing: keys, channels, memory, timers', async () => {
    await jobsAndTopicsComeAndGo(500)
  })
})
