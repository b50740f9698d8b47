import { describe, test } from 'vitest'
import { noRedis } from '../fixtures/redis.js'
import { everythingGoesWrong } from './redis-chaos.js'

/** Another one by `SEED=…`. What happens when is decided by it; how long it takes is not. */
const seed = Number(process.env['SEED'] ?? 2_718)

describe.skipIf(noRedis)('one mishap after another', () => {
  test('D1–D4, S5, S6: three nodes, six publishers and six readers keep I1–I8 for ten seconds', async () => {
    await everythingGoesWrong(seed, 10_000)
  })
})
