import { describe, expect, test } from 'vitest'
import type { Store } from '#src/store/store.js'
import type { RedisProxy } from '../fixtures/redis-proxy.js'
import { noRedis, type RedisServer, redisForTest } from '../fixtures/redis.js'
import { audit } from './auditor.js'
import { logOf, NotingPublisher } from './noting-publisher.js'
import { NotingReader } from './noting-reader.js'
import { eventually, openHub, openStore, pause, proxyTo, storeOn } from './redis-bench.js'

const topics = ['a', 'b']

interface World {
  readonly server: RedisServer
  readonly proxy: RedisProxy
  readonly store: Store
  readonly publishers: readonly NotingPublisher[]
  /** Resolves when so many more were acknowledged. */
  more(count: number): Promise<void>
}

const subscriber = (proxy: RedisProxy) => proxy.lines.filter(({ subscribes }) => subscribes)

/** Under load, by two readers on the node that suffers; publishers go another way. */
const troubles: readonly (readonly [string, (world: World) => Promise<void>])[] = [
  [
    'fault 21: CLIENT KILL TYPE pubsub, ten times',
    async ({ server, more }) => {
      for (let kill = 0; kill < 10; kill++) {
        await more(40)
        await server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
      }
      await more(40)
    },
  ],
  [
    'CLIENT KILL TYPE normal, ten times',
    async ({ server, more }) => {
      for (let kill = 0; kill < 10; kill++) {
        await more(40)
        await server.command('CLIENT', 'KILL', 'TYPE', 'normal')
      }
      await more(40)
    },
  ],
  [
    'fault 20: announcements get lost one by one, the connection answers',
    async ({ proxy, more }) => {
      for (let time = 0; time < 10; time++) {
        for (const line of subscriber(proxy)) line.loses = true
        await more(5)
        for (const line of subscriber(proxy)) line.loses = false
        await more(20)
      }
    },
  ],
]

describe.skipIf(noRedis)('a node that no longer hears its Redis', () => {
  for (const [what, trouble] of troubles) {
    test(`S3, D2: ${what}: the hole is noticed, and readers miss nothing`, async () => {
      const world = await makeWorld()
      const readers = [new NotingReader(world.hub, 'one', ['a']), new NotingReader(world.hub, 'both', topics)]
      await Promise.all(readers.map((reader) => reader.until(() => reader.events.length > 0)))
      await trouble(world)
      await finish(world, readers)
    })
  }

  const silences: readonly (readonly [string, (world: World) => void])[] = [
    [
      'fault 19: packets dropped without a word',
      ({ proxy }) => {
        for (const line of subscriber(proxy)) line.deaf = true
      },
    ],
    [
      'fault 20: it answers pings and passes on no message',
      ({ proxy }) => {
        for (const line of subscriber(proxy)) line.loses = true
      },
    ],
  ]
  for (const [what, begin] of silences) {
    test(`S3, D7: ${what}, and for good: a probe that stays away shows it, also where nobody publishes`, async () => {
      const world = await makeWorld()
      const reader = new NotingReader(world.hub, 'reader', topics)
      await reader.until(() => reader.events.length > 0)
      await world.stop()
      const last = world.publishers.flatMap((each) => each.acknowledged)
      await reader.until(() => reader.events.length >= last.length)
      begin(world)
      // Acknowledged to somebody, and not announced here: nothing more comes that would show the hole.
      const unheard = await (world.publishers[0] as NotingPublisher).publish(world.store)
      const began = performance.now()
      await reader.until(() => reader.has(unheard.id), 60_000)
      console.log(`${what}: noticed after ${Math.round(performance.now() - began)} ms`)
      // The new subscription hears at once.
      let isHeard = false
      // A machine that stands still for longer than a probe may take makes another one, once or twice.
      for (let tries = 0; tries < 5 && !isHeard; tries++) {
        const line = subscriber(world.proxy).at(-1)
        const heard = await (world.publishers[0] as NotingPublisher).publish(world.store)
        await reader.until(() => reader.has(heard.id))
        isHeard = subscriber(world.proxy).at(-1) === line
      }
      expect(isHeard, 'by itself, not by the next').toBe(true)
      await finish(world, [reader])
    })
  }

  test('fault 21: a subscriber that takes nothing is thrown out by Redis (output buffer), comes back, and misses nothing', async () => {
    const world = await makeWorld({ 'client-output-buffer-limit': 'pubsub 256kb 256kb 1' })
    const reader = new NotingReader(world.hub, 'reader', topics)
    await reader.until(() => reader.events.length > 0)
    const subscribers = (): Promise<number> => world.server.info('pubsub_clients').then(Number)
    const thrownOut = async (): Promise<number> =>
      Number(await world.server.info('client_output_buffer_limit_disconnections'))
    for (const line of subscriber(world.proxy)) line.stalled = true
    const big = 'x'.repeat(7_000)
    await eventually('Redis throws it out', async () => {
      await Promise.all(
        Array.from({ length: 100 }, () =>
          world.store.append('default', { events: [{ ...bulk(), body: `"source":"t","version":1,"data":"${big}"` }] }),
        ),
      )
      return (await thrownOut()) > 0 || (await subscribers()) === 0
    })
    for (const line of subscriber(world.proxy)) line.stalled = false
    await world.more(50)
    await finish(world, [reader])
  })
})

let made = 0
const bulk = () => ({ id: `bulk-${++made}`, type: 'n', priority: 'normal' as const, topics: ['bulk'], digest: 'd' })

/** A node that reaches Redis through the proxy, and four publishers that reach it directly. */
async function makeWorld(settings: Record<string, string> = {}) {
  const server = await redisForTest({ settings })
  const proxy = await proxyTo(server.port)
  const { hub } = await openHub(storeOn(proxy.url, { probeMs: 1_000, commandTimeoutMs: 1_500 }), { probeMs: 1_000 })
  const store = await openStore(server.url)
  const publishers = Array.from(
    { length: 4 },
    (_, at) => new NotingPublisher(`p${at}`, () => [topics[at % 2] as string]),
  )
  let over = false
  const running = publishers.map(async (publisher) => {
    while (!over) {
      await publisher.publish(store)
      await pause(1)
    }
  })
  const acknowledged = (): number => publishers.reduce((sum, each) => sum + each.publishes.length, 0)
  return {
    server,
    proxy,
    store,
    hub,
    publishers,
    async more(count: number) {
      const before = acknowledged()
      await eventually('publishers go on', () => acknowledged() >= before + count)
    },
    async stop() {
      over = true
      await Promise.all(running)
    },
  }
}

async function finish(world: Awaited<ReturnType<typeof makeWorld>>, readers: readonly NotingReader[]): Promise<void> {
  await world.stop()
  const log = await logOf(world.store, topics)
  for (const reader of readers) {
    const last = log.findLast((seen) => seen.topics.some((topic) => reader.topics.includes(topic)))?.id as string
    await reader.until(() => reader.has(last))
    reader.hangUp()
    expect(reader.gaps).toEqual([])
    expect(reader.connects).toBe(1)
  }
  expect(audit({ publishes: world.publishers.flatMap((each) => each.publishes), readers, log })).toEqual([])
}
