import { expect, test } from 'vitest'
import { expectTold, expectWhole, storm, troubles } from './storm-model.js'

test('D1, D2, D3: through any storm each subscription gets its topic in order, once, without a hole; every trouble occurs', async () => {
  const met = new Map<string, number>()
  for (let seed = 1; seed <= 200; seed++) {
    const result = await storm(seed)
    expectWhole(result, seed)
    for (const [trouble, times] of result.hub.met) met.set(trouble, (met.get(trouble) ?? 0) + times)
  }
  console.log(Object.fromEntries(met))
  for (const trouble of troubles) expect(met.get(trouble), trouble).toBeGreaterThan(5)
})

test('C4: nothing is lost and nothing repeated in 1,000 changes between stream and polls', async () => {
  let changes = 0
  for (let seed = 10_001; changes < 1_000; seed++) {
    const result = await storm(seed, { switches: true, rounds: 120 })
    expectWhole(result, seed)
    changes += result.changes
    expect(seed, 'the weather changes transports often enough').toBeLessThan(10_200)
  }
}, 120_000)

test('D4: where the hub forgets, what is missing was told as a gap, and nothing comes twice or out of order', async () => {
  let missing = 0
  for (let seed = 501; seed <= 560; seed++) {
    missing += expectTold(await storm(seed, { forgets: true, switches: seed % 2 === 0 }), seed)
  }
  // The storms were bad enough for the test to mean something.
  expect(missing).toBeGreaterThan(20)
})

test('the same seed gives the same storm', async () => {
  const story = async () => {
    const { listeners, errors, hub, changes } = await storm(4, { forgets: true, switches: true })
    const got = listeners.map((listener) => [listener.topic, listener.since, listener.got.length])
    return { errors, changes, requests: hub.requests, got }
  }
  expect(await story()).toEqual(await story())
})
