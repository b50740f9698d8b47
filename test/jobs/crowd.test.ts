import { describe, expect, test } from 'vitest'
import { Crowd } from '#src/jobs/crowd.js'
import { seededRandom } from '#src/testing/index.js'

describe('writing a job that other processes write too', () => {
  test('J2: alone nothing waits; after a conflict commands gather, also in the process that won, for a second', () => {
    const crowd = new Crowd()
    expect([crowd.isAlone(0), crowd.pauseMs(0, 0.5, false)]).toEqual([true, 0])
    crowd.conflicted(10)
    for (let now = 11; now < 900; now += 50) {
      crowd.stored(now)
      expect(crowd.pauseMs(now, 0.5, false)).toBeGreaterThanOrEqual(5)
      expect(crowd.pauseMs(now, 0.5, true)).toBe(0)
    }
    crowd.stored(1_020)
    expect([crowd.isAlone(1_020), crowd.pauseMs(1_020, 0.5, false)]).toEqual([true, 0])
  })

  test('J2: however many conflicts there were, nothing waits for long, and every other try follows at once', () => {
    const crowd = new Crowd()
    for (let conflicts = 1; conflicts <= 40; conflicts++) {
      crowd.conflicted(conflicts)
      expect(crowd.pauseMs(conflicts, 1, false)).toBeLessThanOrEqual(75)
      const pauseMs = crowd.pauseAfterConflictMs(1)
      if (conflicts % 2 === 1) expect(pauseMs).toBe(0)
      else expect(pauseMs).toBeLessThanOrEqual(30)
    }
  })

  test('J2: five processes share one job evenly, and about every third write is in vain', () => {
    const random = seededRandom(4)
    // A write takes 2 ms from what it has seen to its arrival; who is overtaken meanwhile has a conflict.
    const writers = Array.from({ length: 5 }, () => ({ crowd: new Crowd(), nextAt: 0, seen: 0, arrivesAt: -1, won: 0 }))
    let version = 0
    let conflicts = 0
    for (let now = 0; now < 60_000; now++) {
      for (const writer of writers) {
        if (writer.arrivesAt === now) {
          writer.arrivesAt = -1
          if (writer.seen === version) {
            version++
            writer.won++
            writer.crowd.stored(now)
            writer.nextAt = now + 1 + writer.crowd.pauseMs(now, random.fraction(), false)
          } else {
            conflicts++
            writer.crowd.conflicted(now)
            writer.nextAt = now + 1 + writer.crowd.pauseAfterConflictMs(random.fraction())
          }
        }
        if (writer.arrivesAt < 0 && now >= writer.nextAt) {
          writer.seen = version
          writer.arrivesAt = now + 2
        }
      }
    }
    const shares = writers.map(({ won }) => won / version)
    expect(Math.min(...shares)).toBeGreaterThan(0.15)
    expect(Math.max(...shares)).toBeLessThan(0.25)
    expect(conflicts / version).toBeLessThan(0.8)
    expect(version).toBeGreaterThan(5_000)
  })
})
