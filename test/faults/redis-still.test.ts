import { describe, expect, test } from 'vitest'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { audit } from './auditor.js'
import { logOf, namespace, NotingPublisher } from './noting-publisher.js'
import { NotingReader } from './noting-reader.js'
import { redisStandsStill } from './redis-still.js'
import { eventually, openHub, openStore, pause, proxyTo, storeOn, untilAvailable } from './redis-bench.js'

describe.skipIf(noRedis)('a Redis that stands still, or is late', () => {
  test('S5, fault 13: it stands still for 5 s under load: streams stay, publishes wait and are appended once, in order', async () => {
    await redisStandsStill({ awayMs: 5_000, queueEvents: 500, notReadyAfterMs: 2_000, everyMs: 20, atOnce: 5 })
  })

  test('D3: what Redis was given before it stood still is carried out before the store says that it is back, or never', async () => {
    const server = await redisForTest()
    const store = await openStore(server.url, { commandTimeoutMs: 300 })
    const publisher = new NotingPublisher('p', () => ['a'])
    for (let n = 0; n < 20; n++) await publisher.publish(store)
    for (let round = 0; round < 5; round++) {
      server.pause()
      await Promise.all(
        Array.from({ length: 20 }, (_, n) => publisher.attempt(store, { id: `lost-${round}-${n}`, topics: ['a'] })),
      )
      await untilAvailable(store, false)
      server.resume()
      await untilAvailable(store)
      const { seq } = await store.head(namespace)
      await pause(300)
      expect((await store.head(namespace)).seq).toBe(seq)
    }
    const unsure = publisher.publishes.filter(({ outcome }) => outcome === 'indeterminate')
    expect(unsure.length).toBeGreaterThan(0)
    expect(audit({ publishes: publisher.publishes, readers: [], log: await logOf(store, ['a']) })).toEqual([])
  })

  test('S5: what was still on its way when the connection was given up does nothing once the store says that it is back', async () => {
    const server = await redisForTest()
    const proxy = await proxyTo(server.port)
    const store = await openStore(proxy.url, { commandTimeoutMs: 200 })
    const publisher = new NotingPublisher('p', () => ['a'])
    for (let n = 0; n < 5; n++) await publisher.publish(store)
    const [line] = proxy.lines
    if (!line) throw new Error('there is no connection')
    line.delayed = true
    const lost = await publisher.attempt(store, { id: 'late', topics: ['a'] })
    expect(lost.outcome).toBe('indeterminate')
    await untilAvailable(store)
    await publisher.publish(store)
    const { seq } = await store.head(namespace)
    line.delayed = false
    await pause(200)
    expect((await store.head(namespace)).seq).toBe(seq)
    expect((await logOf(store, ['a'])).map(({ id }) => id)).not.toContain('late')
  })

  test('S5: a connection for commands that nothing comes back on is given up, and all is carried out once', async () => {
    const server = await redisForTest()
    const proxy = await proxyTo(server.port)
    const store = await openStore(proxy.url, { commandTimeoutMs: 300 })
    const publishers = Array.from({ length: 8 }, (_, at) => new NotingPublisher(`p${at}`, () => ['a']))
    let over = false
    const running = publishers.map(async (publisher) => {
      while (!over) await publisher.publish(store)
    })
    for (let round = 0; round < 5; round++) {
      const before = publishers.flatMap((each) => each.acknowledged).length
      await eventually('it goes on', () => publishers.flatMap((each) => each.acknowledged).length > before + 100)
      for (const line of proxy.lines) line.deaf = true
      await untilAvailable(store, false)
    }
    over = true
    await Promise.all(running)
    const publishes = publishers.flatMap((each) => each.publishes)
    expect(publishes.filter(({ outcome }) => outcome === 'indeterminate').length).toBeGreaterThan(0)
    expect(audit({ publishes, readers: [], log: await logOf(store, ['a']) })).toEqual([])
  })

  test('S5: a process that stood still itself for longer than Redis may takes the answers that are there', async () => {
    const server = await redisForTest()
    const { hub } = await openHub(storeOn(server.url, { commandTimeoutMs: 300, probeMs: 300 }))
    const store = await openStore(server.url, { commandTimeoutMs: 300 })
    const publisher = new NotingPublisher('p', () => ['a'])
    const reader = new NotingReader(hub, 'reader', ['a'])
    await reader.until(() => reader.connects > 0)
    for (let round = 0; round < 5; round++) {
      const sent = Array.from({ length: 10 }, (_, n) =>
        publisher.attempt(store, { id: `${round}-${n}`, topics: ['a'] }),
      )
      // What was begun is on its way.
      await new Promise(setImmediate)
      for (const end = performance.now() + 700; performance.now() < end; );
      await Promise.all(sent)
      await pause(100)
    }
    expect(new Set(publisher.publishes.map(({ outcome }) => outcome))).toEqual(new Set(['acknowledged']))
    expect(hub.stats().storeTimesAway).toBe(0)
    const log = await logOf(store, ['a'])
    await reader.until(() => reader.has(log.at(-1)?.id as string))
    reader.hangUp()
    expect(audit({ publishes: publisher.publishes, readers: [reader], log })).toEqual([])
  })

  test('fault 22: slow (CLIENT PAUSE, DEBUG SLEEP): late, and once; the process goes on meanwhile', async () => {
    const server = await redisForTest()
    const store = await openStore(server.url)
    const publisher = new NotingPublisher('p', () => ['a'])
    let turns = 0
    const turning = setInterval(() => turns++, 10)
    await server.command('CLIENT', 'PAUSE', 700, 'ALL')
    await Promise.all(
      Array.from({ length: 10 }, (_, n) => publisher.attempt(store, { id: `paused-${n}`, topics: ['a'] })),
    )
    const sleeping = server.command('DEBUG', 'SLEEP', '0.7')
    await pause(50)
    await Promise.all(
      Array.from({ length: 10 }, (_, n) => publisher.attempt(store, { id: `asleep-${n}`, topics: ['a'] })),
    )
    await sleeping
    clearInterval(turning)
    // 140 on a machine of its own, none where it waits for Redis.
    expect(turns).toBeGreaterThan(10)
    const outcomes = new Set(publisher.publishes.map(({ outcome }) => outcome))
    expect(outcomes).toEqual(new Set(['acknowledged']))
    expect(audit({ publishes: publisher.publishes, readers: [], log: await logOf(store, ['a']) })).toEqual([])
  })

  test('S5: gone and back ten times under load, cut and refused by turns: all is there once, in the order of each publisher', async () => {
    const server = await redisForTest()
    const proxy = await proxyTo(server.port)
    const store = await openStore(proxy.url)
    const publishers = Array.from({ length: 8 }, (_, at) => new NotingPublisher(`p${at}`, () => ['a']))
    let over = false
    const running = publishers.map(async (publisher) => {
      while (!over) await publisher.publish(store)
    })
    for (let round = 0; round < 10; round++) {
      const before = publishers.flatMap((each) => each.acknowledged).length
      await eventually('it goes on', () => publishers.flatMap((each) => each.acknowledged).length > before + 40)
      proxy.refuses = true
      proxy.cut()
      await untilAvailable(store, false)
      await pause(round * 20)
      proxy.refuses = false
    }
    over = true
    await Promise.all(running)
    const publishes = publishers.flatMap((each) => each.publishes)
    expect(audit({ publishes, readers: [], log: await logOf(store, ['a']) })).toEqual([])
  })
})
