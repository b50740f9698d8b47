import { expect, test } from 'vitest'
import { DeliveryTimes } from '#src/hub/figures/delivery-times.js'
import { Histogram, countOf } from '#src/hub/figures/histogram.js'

const timed = () => {
  const histogram = new Histogram()
  return { times: new DeliveryTimes(histogram), seen: () => [countOf(histogram.data), histogram.data.sum] }
}

test('O3: a delivery is timed from the append, whether the store answers before or after it announces', () => {
  const { times, seen } = timed()
  times.stored('one', 1, 1_000)
  expect(seen()).toEqual([0, 0])
  times.written('one', 1, 3, 3_000)
  expect(seen()).toEqual([3, 6])
  times.written('one', 2, 2, 4_000)
  expect(seen()).toEqual([3, 6])
  times.stored('one', 2, 3_000)
  expect(seen()).toEqual([5, 8])
})

test('O3: an event of another namespace, of another life of the store or of another node is not timed by what was not its own', () => {
  const { times, seen } = timed()
  times.stored('one', 7, 1_000)
  times.written('two', 7, 1, 9_000)
  times.written('one', 8, 1, 9_000)
  expect(seen()).toEqual([0, 0])
  times.written('one', 7, 1, 2_000)
  times.written('one', 7, 1, 8_000)
  expect(seen()).toEqual([1, 1])
})

test('O3: thousands on their way at once are timed; who is overtaken by as many again is left out, never timed wrongly', () => {
  const { times, seen } = timed()
  for (let seq = 1; seq <= 20_000; seq++) times.stored('one', seq, seq)
  for (let seq = 1; seq <= 20_000; seq++) times.written('one', seq, 1, seq + 10)
  const [count = 0, sum = 0] = seen()
  expect(count).toBe(8_192)
  expect(sum).toBeCloseTo(count * 0.01)
})
