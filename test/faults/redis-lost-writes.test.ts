import { describe, expect, test } from 'vitest'
import { formatCursor, type Position } from '#src/protocol/cursor.js'
import type { Store } from '#src/store/store.js'
import { cutSteps, keepSnapshot, restoreSnapshot, tearLastStep } from '../fixtures/redis-files.js'
import { noRedis, type RedisServer, redisForTest } from '../fixtures/redis.js'
import { audit } from './auditor.js'
import { positionOf } from './history.js'
import { logOf, namespace, NotingPublisher } from './noting-publisher.js'
import { NotingReader } from './noting-reader.js'
import { ask, eventually, openHub, openStore, proxyTo, storeOn, untilAvailable } from './redis-bench.js'

const topics = ['a', 'b']

/** A Redis that will forget its newest writes. `safe`: what is written until now it keeps. `crash`: its new port. */
interface Forgetful {
  readonly server: RedisServer
  safe(): Promise<void>
  crash(): Promise<number>
}

const ways: readonly (readonly [string, () => Promise<Forgetful>])[] = [
  [
    'a killed primary whose log is cut by the newest 100 appends',
    async () => {
      const server = await redisForTest({ keeps: 'log', settings: { appendfsync: 'always' } })
      const crash = async (): Promise<number> => {
        await server.kill()
        await cutSteps(server.folder, 100)
        await tearLastStep(server.folder)
        await server.start()
        return server.port
      }
      return { server, safe: async () => {}, crash }
    },
  ],
  [
    'a replica promoted behind its primary',
    async () => {
      const server = await redisForTest()
      const link = await proxyTo(server.port)
      const replica = await redisForTest({ replicaOf: link.port })
      const offset = (of: RedisServer): Promise<string> => of.info('master_repl_offset')
      return {
        server,
        async safe() {
          await eventually('the replica follows', async () => (await replica.info('master_link_status')) === 'up')
          await eventually('the replica has all', async () => (await offset(replica)) === (await offset(server)))
          for (const line of link.lines) line.deaf = true
          link.refuses = true
        },
        async crash() {
          await server.kill()
          await replica.command('REPLICAOF', 'NO', 'ONE')
          return replica.port
        },
      }
    },
  ],
  [
    'an older RDB restored',
    async () => {
      const server = await redisForTest({ keeps: 'snapshot' })
      return {
        server,
        async safe() {
          await server.command('SAVE')
          await keepSnapshot(server.folder, 'older.rdb')
        },
        async crash() {
          await server.kill()
          await restoreSnapshot(server.folder, 'older.rdb')
          await server.start()
          return server.port
        },
      }
    },
  ],
]

describe.skipIf(noRedis)('acknowledged writes that Redis lost', () => {
  for (const [what, make] of ways) {
    test(`S6, D4: ${what}: no number twice, "lost" to every cursor inside the stretch and to no other, live too`, async () => {
      const { server, safe, crash } = await make()
      const proxy = await proxyTo(server.port)
      // The node that heard everything, with its readers. It will come back after the newcomer has appended.
      const old = storeOn(proxy.url)
      const { hub } = await openHub(old, { heartbeatMs: 100 })
      const live = new NotingReader(hub, 'live', topics)
      const job = new NotingReader(hub, 'job', ['job:j'])
      // Nothing is ever said on its topic, but pings tell it cursors.
      const quiet = new NotingReader(hub, 'quiet', ['quiet'])
      const stopping = new NotingReader(hub, 'inside', topics)
      const kept = new NotingReader(hub, 'at the last kept', topics)
      let turn = 0
      const first = new NotingPublisher('old', () => [topics[turn++ % 2] as string])
      await ask(hub, '/jobs', { id: 'j', owner: 'user:root', kind: 'k', total: 100 })
      await ask(hub, '/jobs/j', { increment: { processed: 10 } }, 'PATCH')
      for (let n = 0; n < 150; n++) await first.publish(old)
      const lastKept = first.publishes.at(-1)?.id as string
      await safe()
      await kept.until(() => kept.has(lastKept))
      kept.hangUp()
      for (let n = 0; n < 60; n++) await first.publish(old)
      await ask(hub, '/jobs/j', { increment: { processed: 40 } }, 'PATCH')
      const heardLast = first.publishes.at(-1)?.id as string
      await stopping.until(() => stopping.has(heardLast))
      stopping.hangUp()
      for (let n = 0; n < 60; n++) await first.publish(old)
      const last = first.publishes.at(-1)?.id as string
      await live.until(() => live.has(last))
      await job.until(() => job.events.length >= 3)
      const lastHeard = positionOf(live.lastEventId).seq
      await quiet.until(() => positionOf(quiet.lastEventId).seq >= lastHeard)
      const versionBefore = (await ask(hub, '/jobs/j')).body.version
      proxy.refuses = true
      proxy.cut()
      const port = await crash()

      // A node that never heard of the lost ones comes first.
      const newcomer = storeOn(`redis://127.0.0.1:${port}`)
      const { hub: newHub } = await openHub(newcomer)
      const second = new NotingPublisher('new', () => [topics[turn++ % 2] as string])
      for (let n = 0; n < 20; n++) await second.publish(newcomer)
      const firstNew = positionOf(second.publishes[0]?.cursor as string)
      const log = await logOf(newcomer, topics)
      const lastKeptSeq = Math.max(
        ...log.map(({ cursor }) => positionOf(cursor).seq).filter((seq) => seq < firstNew.seq),
      )
      const lostSeq = positionOf(first.publishes.at(-1)?.cursor as string).seq
      expect(lastKeptSeq).toBeLessThan(lostSeq)
      expect(firstNew.seq).toBeGreaterThan(lostSeq)
      await checkProofs(newcomer, firstNew.epoch, lastKeptSeq, lostSeq)

      // Who stopped inside the stretch comes back there, and is told; who stopped before it is not, before anybody knows of it.
      const back = ({ name, lastEventId }: NotingReader) => new NotingReader(newHub, name, topics, { lastEventId })
      const returned = [back(stopping), back(kept)]
      const newest = second.publishes.at(-1)?.id as string
      await Promise.all(returned.map((reader) => reader.until(() => reader.has(newest))))
      expect(returned.map(({ gaps }) => gaps)).toEqual([['lost'], []])

      // The node that heard all of it comes back: its readers are told at once, without having asked.
      proxy.upstream = port
      proxy.refuses = false
      await untilAvailable(old)
      await live.until(() => live.has(newest))
      expect(live.gaps).toEqual(['lost'])
      expect(live.connects).toBe(1)
      // Now it is known: who comes back from before it is told where the lost ones would have been.
      const late = new NotingReader(newHub, 'late', topics, { lastEventId: kept.lastEventId })
      await late.until(() => late.has(newest))
      expect(late.gaps).toEqual(['lost'])
      for (let n = 0; n < 5; n++) await first.publish(old)
      const final = first.publishes.at(-1)?.id as string
      await Promise.all([live, ...returned].map((reader) => reader.until(() => reader.has(final))))

      // Its job went back, and says so: the snapshot follows the gap.
      await job.until(() => job.controls.some(({ name, at }) => name === 'snapshot' && at > 3))
      const told = job.controls.filter(({ name }) => name === 'gap' || name === 'snapshot').slice(-2)
      expect(told.map(({ name }) => name)).toEqual(['gap', 'snapshot'])
      expect(told[1]?.data.job.counters.processed).toBe(10)
      expect(told[1]?.data.job.version).toBeLessThan(versionBefore)

      await quiet.until(() => quiet.gaps.length > 0)
      expect(quiet.gaps).toEqual(['lost'])

      const readers = [live, stopping, kept].map((reader) => {
        const more = returned.find(({ name }) => name === reader.name)?.notes ?? []
        return { name: reader.name, topics, layer: 'wire' as const, notes: [...reader.notes, ...more] }
      })
      const publishes = [...first.publishes, ...second.publishes]
      const losses = [{ kind: 'stretch', epoch: firstNew.epoch, kept: lastKeptSeq, resumed: firstNew.seq - 1 }] as const
      expect(audit({ publishes, readers: [...readers, quiet], losses, log: await logOf(newcomer, topics) })).toEqual([])
    })
  }

  test('S6: a primary that was a replica for a while, and lost writes on the same connection: no number twice', async () => {
    const server = await redisForTest()
    const link = await proxyTo(server.port)
    const replica = await redisForTest({ replicaOf: link.port })
    const store = await openStore(server.url)
    const publisher = new NotingPublisher('p', () => ['a'])
    for (let n = 0; n < 50; n++) await publisher.publish(store)
    const offset = (of: RedisServer): Promise<string> => of.info('master_repl_offset')
    await eventually('the replica has all', async () => (await offset(replica)) === (await offset(server)))
    for (const line of link.lines) line.deaf = true
    link.refuses = true
    for (let n = 0; n < 50; n++) await publisher.publish(store)
    const kept = publisher.publishes[49]?.cursor as string
    const lost = publisher.publishes[99]?.cursor as string
    await replica.command('REPLICAOF', 'NO', 'ONE')
    await server.command('REPLICAOF', '127.0.0.1', replica.port)
    await eventually('it has taken over', async () => (await server.info('master_link_status')) === 'up')
    await server.command('REPLICAOF', 'NO', 'ONE')
    // Nothing was asked of it meanwhile.
    for (let n = 0; n < 10; n++) await publisher.publish(store)
    const log = await logOf(store, ['a'])
    const { epoch, seq } = positionOf(log[50]?.cursor as string)
    expect(seq).toBeGreaterThan(positionOf(lost).seq)
    const losses = [{ kind: 'stretch', epoch, kept: positionOf(kept).seq, resumed: seq - 1 }] as const
    expect(audit({ publishes: publisher.publishes, readers: [], log, losses })).toEqual([])
  })

  test('S6, D2: killed and started again five times with all it acknowledged: nothing lost, no gap, no number twice', async () => {
    const server = await redisForTest({ keeps: 'log', settings: { appendfsync: 'always' } })
    const store = storeOn(server.url)
    const { hub } = await openHub(store)
    const reader = new NotingReader(hub, 'reader', topics)
    const publishers = Array.from(
      { length: 8 },
      (_, at) => new NotingPublisher(`p${at}`, () => [topics[at % 2] as string]),
    )
    let over = false
    const running = publishers.map(async (publisher) => {
      while (!over) await publisher.publish(store)
    })
    for (let kill = 0; kill < 5; kill++) {
      const before = publishers.flatMap((each) => each.acknowledged).length
      await eventually('it goes on', () => publishers.flatMap((each) => each.acknowledged).length > before + 50)
      await server.kill()
      await server.start()
    }
    over = true
    await Promise.all(running)
    const log = await logOf(store, topics)
    await reader.until(() => reader.has(log.at(-1)?.id as string))
    reader.hangUp()
    expect(reader.gaps).toEqual([])
    expect(audit({ publishes: publishers.flatMap((each) => each.publishes), readers: [reader], log })).toEqual([])
    expect(log.length).toBeGreaterThan(250)
  })

  test('S6: a store that was closed meanwhile numbers on behind what was lost, on its first append', async () => {
    const server = await redisForTest({ keeps: 'log', settings: { appendfsync: 'always' } })
    const store = storeOn(server.url)
    await store.open()
    const publisher = new NotingPublisher('p', () => ['a'])
    for (let n = 0; n < 30; n++) await publisher.publish(store)
    const { position } = await headOf(store)
    await store.close()
    await server.kill()
    await cutSteps(server.folder, 10)
    await server.start()
    const other = await openStore(server.url)
    // Appends called at once, before anything has looked around.
    const first = await Promise.all(
      [1, 2, 3].map((n) => publisher.attempt(other, { id: `first-${n}`, topics: ['a'], n: 100 + n })),
    )
    for (const { cursor } of first) expect(positionOf(cursor as string).seq).toBeGreaterThan(position.seq)
    expect(position.epoch).toBe(positionOf(first[0]?.cursor as string).epoch)
  })
})

async function headOf(store: Store): Promise<{ position: Position; cursor: string }> {
  const position = await store.head(namespace)
  return { position, cursor: formatCursor(position) }
}

/** "lost" from the first number that is gone to the last, and neither before (nobody has shown yet that anything was) nor behind. */
async function checkProofs(store: Store, epoch: string, kept: number, lost: number): Promise<void> {
  const { position: head } = await headOf(store)
  const reasons = async (seq: number): Promise<string[]> => {
    const page = await store.read(namespace, { topics, after: { epoch, seq }, limit: 10, maxBytes: 1e6 })
    return [...new Set(page.gaps.map(({ reason }) => reason))]
  }
  for (const seq of [kept - 10, kept - 1, kept, head.seq - 1, head.seq])
    expect([seq, await reasons(seq)]).toEqual([seq, []])
  for (const seq of [kept + 1, kept + 2, lost - 1, lost]) expect([seq, await reasons(seq)]).toEqual([seq, ['lost']])
}
