import { expect, test } from 'vitest'
import { Distinct } from '#src/hub/figures/distinct.js'
import { healthOf } from '#src/hub/figures/health.js'
import {
  Histogram,
  addHistograms,
  latencyOf,
  noDurations,
  quantileMs,
  sinceHistogram,
} from '#src/hub/figures/histogram.js'
import { Tally, addTallies, mostFrequent } from '#src/hub/figures/tally.js'
import type { Point } from '#src/hub/figures/sampler.js'
import { coreOver } from '../core.js'

test('O3: quantiles lie within the bucket that holds them', () => {
  const histogram = new Histogram()
  for (let ms = 1; ms <= 1_000; ms++) histogram.observe(ms / 1_000)
  expect(quantileMs(histogram.data, 0.5)).toBeCloseTo(500, -1)
  expect(quantileMs(histogram.data, 0.99)).toBeGreaterThan(500)
  expect(quantileMs(histogram.data, 0.99)).toBeLessThanOrEqual(1_000)
  expect(latencyOf(histogram.data)).toMatchObject({ count: 1_000, averageMs: 500.5 })
  expect(quantileMs(noDurations, 0.5)).toBeNull()
  const before = histogram.data
  histogram.observe(60, 3)
  expect(latencyOf(sinceHistogram(histogram.data, before))).toMatchObject({
    count: 3,
    averageMs: 60_000,
    p50Ms: 30_000,
  })
  expect(addHistograms(before, before).sum).toBeCloseTo(2 * before.sum)
})

test('O3: people on several nodes are counted once, to about one in a hundred', () => {
  const one = new Distinct()
  const two = new Distinct()
  for (let user = 0; user < 8_000; user++) one.add(`user-${user}`)
  for (let user = 4_000; user < 12_000; user++) two.add(`user-${user}`)
  const both = new Distinct(one.data)
  both.join(new Distinct(two.data))
  expect(Math.abs(both.count - 12_000)).toBeLessThan(180)
  expect(new Distinct().count).toBe(0)
  for (let few = 1; few <= 20; few++) {
    const some = new Distinct()
    for (let name = 0; name < few; name++) some.add(`s${name}`)
    expect(some.count).toBe(few)
  }
})

test('O3: a tally keeps a hundred names apart, and counts the rest', () => {
  const tally = new Tally()
  for (let name = 0; name < 150; name++) tally.add(`t${name}`)
  tally.add('t0')
  tally.turn()
  const { names, rest } = tally.data
  expect([names.length, rest, names[0]]).toEqual([100, 50, { name: 't0', total: 2, perWindow: 2 }])
  expect(addTallies(tally.data, tally.data).names[0]).toEqual({ name: 't0', total: 4, perWindow: 4 })
})

test('O3: of the names of several nodes the hundred most frequent are told apart, and none is left out of the sum', () => {
  const nodes = ['a', 'b'].map((node) => {
    const tally = new Tally()
    for (let name = 0; name < 100; name++) for (let n = 0; n <= name; n++) tally.add(`${node}${name}`)
    return tally.data
  })
  const { names, rest } = mostFrequent(nodes.reduce(addTallies))
  expect(names).toHaveLength(100)
  expect(names.map(({ total }) => total)).toEqual(Array.from({ length: 100 }, (_, at) => 100 - (at >> 1)))
  expect(names.reduce((sum, { total }) => sum + total, rest)).toBe(2 * 5_050)
})

test('[P11.2]: the worst part is the state of the whole, in words', async () => {
  const core = await coreOver()
  const quiet = { at: 0, connections: 100, lagging: 0, errors: 0, eventLoopMs: 3 } as Point
  const judge = (changed: Partial<Point>) => healthOf(core, [quiet, { ...quiet, ...changed }])
  expect(judge({})).toMatchObject({ status: 'ok', reasons: [], errorsPerMinute: 0 })
  expect(judge({ errors: 12 })).toMatchObject({
    status: 'degraded',
    errorsPerMinute: 12,
    parts: { errors: 'degraded' },
  })
  expect(judge({ eventLoopMs: 7_000, errors: 12 })).toMatchObject({
    status: 'failing',
    reason: 'The event loop was held up for 7000 ms within the last seconds.',
    reasons: { length: 2 },
  })
  expect(judge({ lagging: 30 })).toMatchObject({ status: 'degraded', reason: '30 % of the connections lag.' })
  // A few streams that lag for a moment are no share of anything.
  expect(judge({ connections: 4, lagging: 4 }).status).toBe('ok')
  await core.close(0)
})
