import { expect } from 'vitest'
import { TidingsError } from '#src/errors.js'
import type { Hub } from '#src/index.js'
import { type Position, formatCursor } from '#src/protocol/cursor.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { cutSteps } from '../fixtures/redis-files.js'
import type { RedisProxy } from '../fixtures/redis-proxy.js'
import { type RedisServer, redisForTest } from '../fixtures/redis.js'
import { audit } from './auditor.js'
import { digestOf, type Loss, type Publish } from './history.js'
import { logOf, namespace } from './noting-publisher.js'
import { NotingPoller, NotingReader } from './noting-reader.js'
import { eventually, openHub, openStore, pause, proxyTo, storeOn, untilAvailable } from './redis-bench.js'

const topics = ['a', 'b', 'c']

interface World {
  readonly server: RedisServer
  readonly proxies: readonly RedisProxy[]
  /** From 0 to below `n`. */
  pick(n: number): number
}

const lineOf = ({ proxies, pick }: World, subscribes: boolean) =>
  proxies[pick(proxies.length)]?.lines.find((line) => line.subscribes === subscribes)

/** One thing that goes wrong. Each ends by itself, or is noticed. */
const mishaps: Readonly<Record<string, (world: World) => Promise<unknown> | void>> = {
  'a node is cut off': ({ proxies, pick }) => proxies[pick(3)]?.cut(),
  async 'a node finds no way for a while'({ proxies, pick }) {
    const proxy = proxies[pick(3)] as RedisProxy
    proxy.refuses = true
    proxy.cut()
    await pause(100 + pick(400))
    proxy.refuses = false
  },
  'answers stay away': (world) => {
    const line = lineOf(world, false)
    if (line) line.deaf = true
  },
  'announcements stay away': (world) => {
    const line = lineOf(world, true)
    if (line) line.deaf = true
  },
  async 'some announcements get lost'(world) {
    const line = lineOf(world, true)
    if (!line) return
    line.loses = true
    await pause(50 + world.pick(300))
    line.loses = false
  },
  'subscribers are thrown out': ({ server }) => server.command('CLIENT', 'KILL', 'TYPE', 'pubsub'),
  'scripts are forgotten': ({ server }) => server.command('SCRIPT', 'FLUSH'),
  async 'Redis stands still'({ server, pick }) {
    server.pause()
    await pause(100 + pick(700))
    server.resume()
  },
  async 'Redis is killed'({ server }) {
    await server.kill()
    await server.start()
  },
  async 'Redis is killed and loses its newest writes'({ server, pick }) {
    await server.kill()
    await cutSteps(server.folder, 1 + pick(20))
    await server.start()
  },
}

/** Publishes one after another, at a hub that changes, each until it is acknowledged. */
async function publishUntil(over: () => boolean, name: string, hubs: readonly Hub[], pick: World['pick']) {
  const publishes: Publish[] = []
  for (let n = 0; !over(); n++) {
    const id = `${name}-${n}`
    const topic = topics[pick(3)] as string
    const call = { by: name, n, id, topics: [topic], digest: digestOf(n) }
    for (let acknowledged = false; !acknowledged; ) {
      const calledAtMs = performance.now()
      try {
        const { cursor } = await (hubs[pick(hubs.length)] as Hub).publish({ id, topic, type: 'note', data: n })
        const answeredAtMs = performance.now()
        publishes.push({ ...call, calledAtMs, answeredAtMs, outcome: 'acknowledged', cursor: cursor as string })
        acknowledged = true
      } catch (error) {
        if (!(error instanceof TidingsError) || !error.retryable) throw error
        publishes.push({ ...call, calledAtMs, outcome: error.code === 'indeterminate' ? 'indeterminate' : 'refused' })
        await pause(10)
      }
    }
    await pause(1)
  }
  return publishes
}

/** Three nodes, six publishers, six readers that come and go, two that poll, and one mishap after another for `forMs`. */
export async function everythingGoesWrong(seed: number, forMs: number): Promise<void> {
  const random = seededRandom(seed)
  const pick = (n: number): number => Math.floor(random.fraction() * n)
  const server = await redisForTest({ keeps: 'log', settings: { appendfsync: 'always' } })
  const proxies = await Promise.all([0, 1, 2].map(() => proxyTo(server.port)))
  const stores = proxies.map(({ url }) => storeOn(url, { commandTimeoutMs: 400, probeMs: 500, connectTimeoutMs: 400 }))
  const hubs = (await Promise.all(stores.map((store) => openHub(store, { heartbeatMs: 200, probeMs: 500 })))).map(
    ({ hub }) => hub,
  )
  let over = false
  const publishing = Array.from({ length: 6 }, (_, at) => publishUntil(() => over, `p${at}`, hubs, pick))
  const readers = [['a'], ['b'], ['a', 'b', 'c'], ['c'], ['b', 'c'], ['a', 'b', 'c']].map(
    (of, at) => new NotingReader(hubs[at % 3] as Hub, `r${at}`, of, { since: at < 3 ? 'start' : 'now' }),
  )
  const pollers = [['a', 'b'], ['c']].map((of, at) => new NotingPoller(hubs[at] as Hub, `poller ${at}`, of))
  const polling = pollers.map((poller) => poller.run())
  await Promise.all(readers.map((reader) => reader.until(() => reader.events.length > 0)))
  // More than mishaps take away: a namespace whose making is lost is another one, with another epoch, which is not judged here.
  const all = readers[2] as NotingReader
  await all.until(() => all.events.length >= 400)

  const names = Object.keys(mishaps)
  const happened: string[] = []
  for (const end = performance.now() + forMs; performance.now() < end; ) {
    const name = names[pick(names.length)] as string
    happened.push(name)
    await mishaps[name]?.({ server, proxies, pick })
    const reader = readers[pick(readers.length)] as NotingReader
    if (pick(3) === 0) reader.moveTo(hubs[pick(3)] as Hub)
    await pause(pick(400))
  }
  await Promise.all(stores.map((store) => untilAvailable(store)))
  over = true
  const publishes = (await Promise.all(publishing)).flat()
  const direct = await openStore(server.url)
  const log = await logOf(direct, topics)
  const head = formatCursor(await direct.head(namespace))
  for (const reader of readers) {
    const last = log.findLast((seen) => seen.topics.some((topic) => reader.topics.includes(topic)))?.id as string
    await reader.until(() => reader.has(last))
    await reader.until(() => reader.notes.at(-1)?.cursor === head)
    reader.hangUp()
  }
  for (const poller of pollers) await eventually('polls are at the end', () => poller.cursor === head)
  for (const poller of pollers) poller.close()
  await Promise.all(polling)
  const count = (outcome: string): number => publishes.filter((each) => each.outcome === outcome).length
  const losses = await lossesOf(server, await direct.head(namespace))
  const gaps = [...readers, ...pollers].flatMap(({ notes }) =>
    notes.flatMap((note) => (note.kind === 'gap' ? [note.reason] : [])),
  )
  console.log(
    `seed ${seed}: ${happened.length} mishaps, ${count('acknowledged')} acknowledged, ${count('indeterminate')} ` +
      `indeterminate, ${log.length} kept, ${losses.length} stretches, ${gaps.length} gaps, ` +
      `${readers.reduce((sum, { connects }) => sum + connects, 0)} connects`,
  )
  expect(
    audit({ publishes, readers: [...readers, ...pollers], log, losses }),
    `seed ${seed}: ${happened.join(', ')}`,
  ).toEqual([])
  expect(gaps.filter((reason) => reason !== 'lost')).toEqual([])
}

/** The stretches that the store itself recorded; anything missing outside of them is a violation. */
async function lossesOf(server: RedisServer, { epoch }: Position): Promise<Loss[]> {
  const keys = (await server.command('KEYS', '*:lost')) as string[]
  const all: Loss[] = []
  for (const key of keys) {
    const meta = key.replace(/lost$/, 'meta')
    if ((await server.command('HGET', meta, 'epoch')) !== epoch) continue
    const words = ((await server.command('ZRANGE', key, 0, -1, 'WITHSCORES')) as string[][]).flat()
    for (let at = 0; at < words.length; at += 2) {
      all.push({ kind: 'stretch', epoch, kept: Number(words[at]), resumed: Number(words[at + 1]) })
    }
  }
  return all
}
