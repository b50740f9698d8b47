import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { startHub } from '../fixtures/hub-process.js'
import { PausingReader } from '../fixtures/pausing-reader.js'

/**
 * One reader stops for `shortMs` and goes on, one stops for `longMs`, is closed and comes back with its cursor, while
 * `count` events go by. Both get what retention has, in order, once, and hear `gap` for the rest.
 */
export async function slowReaders(options: {
  count: number
  shortMs: number
  longMs: number
  slowConsumerMs: number
  sqlite: boolean
}) {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-slow-'))
  const hub = await startHub({
    slowConsumerMs: options.slowConsumerMs,
    heartbeatMs: 1_000,
    ...(options.sqlite && { sqlite: join(folder, 'hub.db') }),
  })
  const url = `${hub.url}/events?topic=user:7&userId=7`
  try {
    const readers = [new PausingReader(url), new PausingReader(url), new PausingReader(url)] as const
    const [steady, short, long] = readers
    for (const reader of readers) await reader.connect()
    const publish = (from: number, count: number) =>
      hub.ask({ publish: { topic: 'user:7', count, from, atOnce: 100, pauseMs: 4, pad: 'x'.repeat(100) } })
    const before = (await hub.ask({ memory: true })).memory
    await publish(0, 100)
    for (const reader of readers) await reader.until(() => reader.numbers.at(-1) === 99)
    short.pause()
    long.pause()
    const began = performance.now()
    const publishing = publish(100, options.count - 200)
    const passed = (wantedMs: number) =>
      new Promise((resolve) => setTimeout(resolve, wantedMs - (performance.now() - began)))
    // The pauses are what is tested, so these two waits are for time and not for an event.
    await passed(options.shortMs)
    short.resume()
    const { ms } = await publishing
    const during = (await hub.ask({ memory: true })).memory
    await passed(options.longMs)
    long.resume()
    await long.until(() => long.ended)
    await long.connect()
    await publish(options.count - 100, 100)
    for (const reader of readers) await reader.until(() => reader.numbers.at(-1) === options.count - 1)
    const { memory: after, stats } = await hub.ask({ memory: true })

    expect(steady.numbers).toEqual(Array.from({ length: options.count }, (_, index) => index))
    for (const reader of [short, long]) {
      const numbers = reader.numbers
      let previous = -1
      for (const [index, number] of numbers.entries()) {
        if (number === 'gap') continue
        expect(number).toBeGreaterThan(previous)
        if (number !== previous + 1) expect(numbers[index - 1]).toBe('gap')
        previous = number
      }
      // What went by in a short stop may all have fitted the socket and the ring.
      if (reader === long) expect(numbers).toContain('gap')
      // The newest 1,000 were kept, so the reader has them all.
      expect(numbers.slice(-1_000)).toEqual(Array.from({ length: 1_000 }, (_, index) => options.count - 1_000 + index))
    }
    const mib = (memory: { heapUsed: number; external: number }) => (memory.heapUsed + memory.external) / 1024 ** 2
    const figures = {
      publishedPerSecond: Math.round((options.count - 200) / (ms / 1000)),
      mibBefore: mib(before),
      mibWhileStopped: mib(during),
      mibAfter: mib(after),
      peakRssMib: after.peak / 1024 ** 2,
      delivered: stats.delivered,
      shortGot: short.numbers.length,
      longGot: long.numbers.length,
    }
    // Bytes that wait are Buffers: the ring, two readers of 64 KiB and a page each, while 33 MB went by. (The heap also
    // holds the ids of 100,000 events for five minutes, D3.)
    expect((during.arrayBuffers - before.arrayBuffers) / 1024 ** 2).toBeLessThan(10)
    return figures
  } finally {
    await hub.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}
