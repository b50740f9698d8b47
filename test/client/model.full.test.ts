import { expect, test } from 'vitest'
import { expectTold, expectWhole, storm } from './storm-model.js'

test('D1, D2, D3: 3,000 storms', async () => {
  for (let seed = 20_001; seed <= 23_000; seed++) expectWhole(await storm(seed), seed)
})

test('C4: 10,000 changes between stream and polls', async () => {
  let changes = 0
  for (let seed = 30_001; changes < 10_000; seed++) {
    const result = await storm(seed, { switches: true, rounds: 120 })
    expectWhole(result, seed)
    changes += result.changes
    expect(seed, 'the weather changes transports often enough').toBeLessThan(32_000)
  }
})

test('D4: 2,000 storms in which the hub forgets', async () => {
  for (let seed = 40_001; seed <= 42_000; seed++) {
    expectTold(await storm(seed, { forgets: true, switches: seed % 2 === 0 }), seed)
  }
})
