import { describe, expect, test } from 'vitest'
import { longestDelayMs, wait } from '#src/clock.js'
import { fakeClock } from '#src/testing/fake-clock.js'

describe('fake clock (O7)', () => {
  test('time stands still until it is advanced', async () => {
    const clock = fakeClock(1_000)
    await clock.advance(0)
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0])
    await clock.advance(250)
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250])
  })

  test('due timers run in order of their moment, then of their setting, each at its own time', async () => {
    const clock = fakeClock(0)
    const ran: string[] = []
    clock.setTimer(() => ran.push(`b@${clock.now()}`), 20)
    clock.setTimer(() => ran.push(`a@${clock.now()}`), 10)
    clock.setTimer(() => ran.push(`c@${clock.now()}`), 20)
    clock.setTimer(() => ran.push('late'), 31)
    await clock.advance(30)
    expect(ran).toEqual(['a@10', 'b@20', 'c@20'])
    expect(clock.pending).toBe(1)
  })

  test('promises settle between timers, and timers set meanwhile run if they fall due', async () => {
    const clock = fakeClock(0)
    const at: number[] = []
    const beat = async (): Promise<void> => {
      for (let turn = 0; turn < 5; turn++) {
        await wait(clock, 10)
        for (let i = 0; i < 100; i++) await Promise.resolve()
        at.push(clock.monotonic())
      }
    }
    const done = beat()
    await clock.advance(50)
    expect(at).toEqual([10, 20, 30, 40, 50])
    await done
  })

  test('a cancelled timer never runs, and cancelling twice is safe', async () => {
    const clock = fakeClock()
    let ran = false
    const timer = clock.setTimer(() => (ran = true), 5)
    timer.cancel()
    timer.cancel()
    await clock.advance(10)
    expect(ran).toBe(false)
    expect(clock.pending).toBe(0)
  })

  test('jump moves the wall clock only', async () => {
    const clock = fakeClock(10_000)
    let ran = 0
    clock.setTimer(() => ran++, 100)
    clock.jump(-3_600_000)
    expect([clock.now(), clock.monotonic(), ran]).toEqual([-3_590_000, 0, 0])
    await clock.advance(100)
    expect([clock.now(), clock.monotonic(), ran]).toEqual([-3_589_900, 100, 1])
  })

  test('delays beyond 31 bits and below 0 are taken as they are meant', async () => {
    const clock = fakeClock(0)
    const ran: number[] = []
    clock.setTimer(() => ran.push(clock.monotonic()), longestDelayMs * 3)
    clock.setTimer(() => ran.push(clock.monotonic()), -5)
    await clock.advance(longestDelayMs * 3)
    expect(ran).toEqual([0, longestDelayMs * 3])
  })

  test('running back is refused with a pointer to jump()', async () => {
    await expect(fakeClock().advance(-1)).rejects.toThrow(/jump\(\)/)
    await expect(fakeClock().advance(Number.NaN)).rejects.toThrow(RangeError)
  })
})
