import fc from 'fast-check'
import { test } from 'vitest'
import { fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { makers } from './makers.js'
import { bursts, erasures, keepEvents, Model } from './model.js'

for (const [name, make] of makers) {
  test(`D1–D4: ${name}: any overlapping appends, repetitions, erasures and reads lose nothing unsaid`, async () => {
    const numRuns = name === 'memory' ? 300 : 40
    await fc.assert(
      fc.asyncProperty(bursts, erasures, async (plan, erase) => {
        const options = { retention: { events: keepEvents }, clock: fakeClock(), random: seededRandom(1) }
        const { store, discard } = await make(options)
        try {
          await new Model(store).run(plan, erase)
        } finally {
          await discard()
        }
      }),
      { numRuns },
    )
  })
}
