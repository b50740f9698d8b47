import { describe, test } from 'vitest'
import { noRedis } from '../fixtures/redis.js'
import { everythingGoesWrong } from './redis-chaos.js'

describe.skipIf(noRedis)('one mishap after another, at full length', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    test(`D1–D4, S5, S6: three nodes, six publishers and six readers keep I1–I8 for half a minute (seed ${seed})`, async () => {
      await everythingGoesWrong(seed, 30_000)
    })
  }
})
