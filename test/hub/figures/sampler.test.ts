import { expect, test } from 'vitest'
import type { Clock } from '#src/clock.js'
import { Figures } from '#src/hub/figures/figures.js'
import { Sampler } from '#src/hub/figures/sampler.js'
import { fakeClock } from '#src/testing/index.js'

test('O1: a timer that comes a millisecond early makes no second point of its second', async () => {
  const time = fakeClock(1_000_000)
  const early: Clock = {
    now: () => time.now(),
    monotonic: () => time.monotonic(),
    setTimer: (task, delayMs) => time.setTimer(task, Math.max(1, delayMs - 1)),
  }
  const sampler = new Sampler({ figures: new Figures(), clock: early, now: () => ({ connections: 0, lagging: 0 }) })
  sampler.start()
  await time.advance(20_500)
  sampler.stop()
  const seconds = Array.from({ length: 20 }, (_, index) => 1_001_000 + index * 1_000)
  expect(sampler.points(1).map(({ at }) => at)).toEqual(seconds)
  expect(sampler.points(10).map(({ at }) => at)).toEqual([1_010_000, 1_020_000])
})
