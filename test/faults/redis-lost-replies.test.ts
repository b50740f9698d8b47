import { describe, expect, test } from 'vitest'
import { seededRandom } from '#src/testing/seeded-random.js'
import type { RedisProxy } from '../fixtures/redis-proxy.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { audit } from './auditor.js'
import { digestOf, type Publish } from './history.js'
import { logOf, NotingPublisher } from './noting-publisher.js'
import { NotingReader } from './noting-reader.js'
import { ask, openHub, openStore, pause, proxyTo, retention, storeOn } from './redis-bench.js'

const topics = ['a', 'b', 'c']
/** Another one by `SEED=…`. */
const seed = Number(process.env['SEED'] ?? 31_415)

describe.skipIf(noRedis)('replies of Redis that never arrive', () => {
  const weathers: readonly (readonly [string, (proxy: RedisProxy, chance: () => number) => RedisProxy['onReply']])[] = [
    ['the connection is cut in place of a reply', (_, chance) => () => (chance() < 0.1 ? 'cut' : 'pass')],
    [
      'half of a reply arrives, then the connection is cut',
      (_, chance) => (chunk, line) => {
        if (chance() >= 0.1) return 'pass'
        setImmediate(() => line.cut())
        return chunk.subarray(0, chunk.length >> 1)
      },
    ],
    [
      'something else arrives than Redis would say',
      (_, chance) => () => (chance() < 0.1 ? Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n') : 'pass'),
    ],
  ]
  for (const [what, weather] of weathers) {
    test(`D3, I1–I8: ${what}: every publish, repeated with its id, is kept once, and readers miss nothing`, async () => {
      const server = await redisForTest()
      const proxy = await proxyTo(server.port)
      const random = seededRandom(seed)
      const { hub } = await openHub(storeOn(proxy.url))
      const store = await openStore(proxy.url)
      const readers = [['a'], ['b', 'c'], topics].map((of, at) => new NotingReader(hub, `reader ${at}`, of))
      await Promise.all(readers.map((reader) => reader.until(() => reader.connects > 0)))
      proxy.onReply = weather(proxy, () => random.fraction())

      const publishers = Array.from({ length: 16 }, (_, at) => {
        const own = seededRandom(seed + at)
        return new NotingPublisher(`p${at}`, () => [topics[Math.floor(own.fraction() * 3)] as string])
      })
      await Promise.all(
        publishers.map(async (publisher) => {
          for (let n = 0; n < 100; n++) await publisher.publish(store)
        }),
      )
      proxy.onReply = () => 'pass'
      const log = await logOf(await openStore(server.url), topics)
      const last = log.at(-1)?.id as string
      await Promise.all(
        readers.map(async (reader) => {
          const mine = log.findLast((seen) => seen.topics.some((topic) => reader.topics.includes(topic)))?.id ?? last
          await reader.until(() => reader.has(mine))
          reader.hangUp()
        }),
      )
      const publishes = publishers.flatMap((each) => each.publishes)
      const unsure = publishes.filter(({ outcome }) => outcome === 'indeterminate').length
      console.log(`seed ${seed}: ${publishes.length} calls, ${unsure} indeterminate, ${log.length} kept`)
      expect(audit({ publishes, readers, log })).toEqual([])
      expect(log.length).toBe(16 * 100)
      expect(unsure).toBeGreaterThan(0)
    })
  }

  test('D1, D3: publishes without ids that nobody waits for are kept once each, in the order of the calls', async () => {
    const server = await redisForTest()
    const proxy = await proxyTo(server.port)
    const random = seededRandom(seed)
    const { hub } = await openHub(storeOn(proxy.url))
    const reader = new NotingReader(hub, 'reader', ['a'])
    await reader.until(() => reader.connects > 0)
    proxy.onReply = () => (random.fraction() < 0.1 ? 'cut' : 'pass')
    const calls: Promise<unknown>[] = []
    for (let n = 0; n < 1_000; n++) {
      calls.push(hub.publish({ topic: 'a', type: 'note', data: n }))
      if (n % 10 === 9) await pause(3)
    }
    const results = (await Promise.all(calls)) as { id: string; cursor: string; duplicate?: boolean }[]
    proxy.onReply = () => 'pass'
    const publishes = results.map(({ id, cursor }, n): Publish => {
      const call = { by: 'hub', n, id, topics: ['a'], digest: digestOf(n) }
      return { ...call, outcome: 'acknowledged', cursor }
    })
    const log = await logOf(await openStore(server.url), ['a'])
    await reader.until(() => reader.has(log.at(-1)?.id as string))
    reader.hangUp()
    expect(audit({ publishes, readers: [reader], log })).toEqual([])
    expect(log.length).toBe(1_000)
    // To who publishes, being sent again by the hub is no repetition of theirs.
    expect(results.filter(({ duplicate }) => duplicate)).toEqual([])
  })

  test('J2, J3: handles on two nodes, whose commands go again by themselves, count exactly and end it once', async () => {
    const server = await redisForTest()
    const proxy = await proxyTo(server.port)
    const random = seededRandom(seed)
    const hubs = await Promise.all([0, 1].map(() => openHub(storeOn(proxy.url))))
    const [first] = hubs
    if (!first) throw new Error('no hub')
    await first.hub.jobs.create({ id: 'j', owner: 'user:root', kind: 'k', total: 400 })
    proxy.onReply = () => (random.fraction() < 0.1 ? 'cut' : 'pass')
    const handles = hubs.map(({ hub }) => hub.jobs.open('j'))
    await Promise.all(
      handles.map(async (job) => {
        const sent: Promise<boolean>[] = []
        for (let n = 0; n < 200; n++) {
          sent.push(job.increment({ processed: 1 }))
          if (n % 5 === 4) await pause(2)
        }
        expect((await Promise.all(sent)).every(Boolean)).toBe(true)
      }),
    )
    const ends = await Promise.all(handles.map((job) => job.complete({ by: 'one of them' })))
    expect(ends.filter(Boolean).length).toBe(1)
    proxy.onReply = () => 'pass'
    const { hub } = await openHub(storeOn(server.url))
    expect(await hub.jobs.snapshot('j')).toMatchObject({
      status: 'completed',
      counters: { processed: 400 },
      percent: 100,
    })
    const reader = new NotingReader(hub, 'reader', ['job:j', 'jobs:root'])
    await reader.until(() => Object.values(reader.types).includes('job.completed'))
    expect(Object.values(reader.types).filter((type) => type === 'job.completed').length).toBe(1)
  })

  test('J2: increments sent again after a lost answer count once, from two nodes', async () => {
    const server = await redisForTest()
    const proxy = await proxyTo(server.port)
    const random = seededRandom(seed)
    const hubs = await Promise.all([0, 1].map(() => openHub(storeOn(proxy.url, { retention }))))
    const created = await ask((hubs[0] as (typeof hubs)[0]).hub, '/jobs', { id: 'j', owner: 'user:root', kind: 'k' })
    expect(created).toMatchObject({ status: 201 })
    proxy.onReply = () => (random.fraction() < 0.05 ? 'cut' : 'pass')
    let repeated = 0
    const worker = async (name: string, hub: (typeof hubs)[0]['hub']): Promise<void> => {
      for (let n = 0; n < 25; n++) {
        const command = { id: `${name}-${n}`, increment: { processed: 1, own: n } }
        for (let tries = 0; ; tries++) {
          const answer = await ask(hub, '/jobs/j', command, 'PATCH')
          if (answer.status === 200) {
            expect(answer.body.accepted).toBe(true)
            break
          }
          expect([answer.status, answer.body.code]).toEqual([503, expect.any(String)])
          if (tries > 200) throw new Error(JSON.stringify(answer.body))
          repeated++
          await pause(10)
        }
      }
    }
    await Promise.all(hubs.flatMap(({ hub }, at) => [0, 1, 2].map((n) => worker(`w${at}-${n}`, hub))))
    proxy.onReply = () => 'pass'
    const { hub } = await openHub(storeOn(server.url))
    const { body } = await ask(hub, '/jobs/j')
    console.log(`seed ${seed}: 150 commands, ${repeated} sent again`)
    expect(body.counters).toMatchObject({ processed: 150, own: 6 * 300 })
    expect(repeated).toBeGreaterThan(0)
  })
})
