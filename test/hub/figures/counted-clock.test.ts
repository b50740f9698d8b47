import { expect, test } from 'vitest'
import { countedClock } from '#src/hub/figures/counted-clock.js'
import { fakeClock } from '#src/testing/fake-clock.js'

test('O3: timers are counted from when they are set until they came or were cancelled, each once', async () => {
  const inner = fakeClock()
  const clock = countedClock(inner)
  const seen: number[] = []
  const early = clock.setTimer(() => void seen.push(clock.timers), 10)
  const late = clock.setTimer(() => undefined, 1_000)
  expect(clock.timers).toBe(2)
  await inner.advance(20)
  expect(seen).toEqual([1])
  early.cancel()
  expect(clock.timers).toBe(1)
  late.cancel()
  late.cancel()
  expect(clock.timers).toBe(0)
  expect(clock.monotonic()).toBe(inner.monotonic())
})
