import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { redisStore } from '#src/store/redis.js'
import type { Store } from '#src/store/store.js'
import { event, fill, Listener, put, query, seqs } from '#src/testing/store-contract/kit.js'
import { noRedis, type RedisServer, redisForTest } from '../fixtures/redis.js'

async function opened(server: RedisServer): Promise<Store> {
  const store = redisStore({ url: server.url })
  await store.open()
  onTestFinished(() => store.close())
  return store
}

const whenAvailable = (store: Store): Promise<void> =>
  new Promise((resolve) => {
    if (store.availability?.available) return resolve()
    store.availability?.watch((available) => available && resolve())
  })

/** Ends the server with what was saved and starts it again, when the store has noticed. */
async function restart(server: RedisServer, ...stores: readonly Store[]): Promise<void> {
  const noticed = stores.map(
    (store) => new Promise<void>((resolve) => store.availability?.watch((available) => !available && resolve())),
  )
  await server.kill()
  await Promise.all(noticed)
  await server.start()
  await Promise.all(stores.map(whenAvailable))
}

describe.skipIf(noRedis)(`fencing${noRedis ? ` (${noRedis})` : ''}`, () => {
  test('S6: after a restart that lost acknowledged events no number is used twice, and who saw them hears of it', async () => {
    const server = await redisForTest({ keeps: 'snapshot' })
    const store = await opened(server)
    await fill(store, 'a', 5)
    await server.command('SAVE')
    const listener = new Listener()
    await store.follow('n', listener)
    await fill(store, 'a', 7)
    await listener.until(() => listener.heard.at(-1)?.seq === 12)
    const { epoch } = await store.head('n')
    await restart(server, store)
    await listener.until(() => listener.probes.some((seq) => seq > 12))
    expect(listener.interruptions).toBeGreaterThan(0)
    const after = await put(store, event('a'))
    expect(after.position.epoch).toBe(epoch)
    expect(after.position.seq).toBeGreaterThan(12)
    expect(Number.isSafeInteger(after.position.seq)).toBe(true)
    const at = async (seq: number) => {
      const { events, gaps, from, upTo, more } = await store.read('n', query(['a', 'b'], { epoch, seq }))
      return { seqs: seqs(events), gaps, from: from.seq, upTo: upTo.seq, more }
    }
    const [last, inside, newest] = [await at(5), await at(6), await at(12)]
    // What is kept before the lost ones comes first, and the gap where they would have been.
    expect(await at(3)).toEqual({ seqs: [4, 5], gaps: [], from: 3, upTo: 5, more: true })
    expect(last).toEqual(inside)
    expect(inside.gaps).toEqual([{ reason: 'lost', topics: ['a', 'b'] }])
    expect(inside.seqs).toEqual([after.position.seq])
    expect(inside.from).toBeGreaterThan(12)
    expect(newest).toEqual(inside)
    expect((await at(inside.from)).gaps).toEqual([])
    expect((await at(after.position.seq)).gaps).toEqual([])
  })

  test('S6: not even a node that heard nothing of the lost ones uses their numbers', async () => {
    const server = await redisForTest({ keeps: 'snapshot' })
    const store = await opened(server)
    await fill(store, 'a', 2)
    await server.command('SAVE')
    const lost = await put(store, event('a'))
    await store.close()
    await server.kill()
    await server.start()
    const ignorant = await opened(server)
    expect((await put(ignorant, event('a'))).position.seq).toBeGreaterThan(lost.position.seq)
    expect((await ignorant.read('n', query('a', lost.position))).gaps).toEqual([{ reason: 'lost', topics: ['a'] }])
  })

  test('S6: nor where the clock of Redis is behind the numbers that are kept', async () => {
    const server = await redisForTest({ keeps: 'snapshot' })
    const store = await opened(server)
    await fill(store, 'a', 2)
    const [meta = ''] = (await server.command('KEYS', '*:meta')) as string[]
    // As an earlier fence left it whose clock was ahead of today's.
    const ahead = 4_000_000_000_000_000
    await server.command('HSET', meta, 'seq', String(ahead))
    await server.command('SAVE')
    await fill(store, 'a', 100)
    const last = await store.head('n')
    expect(last.seq).toBe(ahead + 100)
    await store.close()
    await server.kill()
    await server.start()
    const ignorant = await opened(server)
    const { position } = await put(ignorant, event('a'))
    expect(position.seq).toBeGreaterThan(last.seq)
    expect((await ignorant.read('n', query('a', last))).gaps).toEqual([{ reason: 'lost', topics: ['a'] }])
  })

  test.each([0, 4_000_000_000_000_000])(
    'S6: nor where the fence itself is lost with what was appended behind it (numbers from %i)',
    async (from) => {
      const server = await redisForTest({ keeps: 'snapshot' })
      const first = await opened(server)
      await fill(first, 'a', 2)
      const [meta = ''] = (await server.command('KEYS', '*:meta')) as string[]
      if (from > 0) await server.command('HSET', meta, 'seq', String(from))
      await server.command('SAVE')
      await first.close()
      const used: number[] = []
      // Each time another node fences, appends, and all of that is lost.
      for (let time = 0; time < 4; time++) {
        await server.kill()
        await server.start()
        const node = await opened(server)
        for (let at = 0; at < 20; at++) used.push((await put(node, event('a'))).position.seq)
        await node.close()
      }
      expect(new Set(used).size).toBe(used.length)
    },
  )

  test('S6: a restart that lost nothing is no gap, and numbers of 16 digits stay exact', async () => {
    const server = await redisForTest({ keeps: 'log', settings: { appendfsync: 'always' } })
    const store = await opened(server)
    const { position } = await put(store, event('a', { id: 'x' }))
    await restart(server, store)
    const results = await Promise.all(Array.from({ length: 20 }, () => put(store, event(['a', 'b']))))
    const numbers = results.flatMap(({ events }) => seqs(events))
    expect(numbers[0]).toBeGreaterThan(1e15)
    expect(numbers).toEqual(numbers.map((_, at) => (numbers[0] ?? 0) + at))
    const read = await store.read('n', query('a', position))
    expect([seqs(read.events), read.gaps]).toEqual([numbers, []])
    const middle = { ...position, seq: numbers[9] ?? 0 }
    expect(seqs((await store.read('n', query(['a', 'b'], middle))).events)).toEqual(numbers.slice(10))
    expect((await put(store, event('a', { id: 'x' }))).events).toEqual([{ id: 'x', seq: 1, duplicate: true }])
    expect((await store.describe('n', 'a')).last).toBe(numbers.at(-1))
    const listener = new Listener()
    await store.follow('n', listener)
    await put(store, event('a'))
    await listener.until(() => listener.heard.length === 1)
    expect(listener.heard[0]?.prev).toBe(numbers.at(-1))
  })

  test('S6, D2: that events were lost is told to whoever reads across, also where the node that saw them comes later', async () => {
    const server = await redisForTest({ keeps: 'snapshot' })
    const store = await opened(server)
    await fill(store, 'a', 3)
    const before = await store.head('n')
    await server.command('SAVE')
    await fill(store, 'a', 4)
    const noticed = new Promise<void>((resolve) => store.availability?.watch((available) => !available && resolve()))
    await server.kill()
    await noticed
    await server.start()
    const ignorant = await opened(server)
    const next = await put(ignorant, event('b'))
    // As far as this one can know, nothing was lost.
    expect((await ignorant.read('n', query('a', before))).gaps).toEqual([])
    await whenAvailable(store)
    await store.head('n')
    for (const each of [store, ignorant]) {
      const page = await each.read('n', query(['b', 'a'], { ...before, seq: 1 }, { limit: 1 }))
      expect([seqs(page.events), page.gaps, page.more]).toEqual([[2], [], true])
      const second = await each.read('n', query(['b', 'a'], page.upTo))
      expect([seqs(second.events), second.gaps, second.upTo.seq, second.more]).toEqual([[3], [], 3, true])
      const third = await each.read('n', query(['b', 'a'], second.upTo))
      expect(third.gaps).toEqual([{ reason: 'lost', topics: ['b', 'a'] }])
      expect([seqs(third.events), third.more]).toEqual([[next.position.seq], false])
      expect((await each.read('n', query(['b', 'a'], third.from))).gaps).toEqual([])
      expect((await each.read('n', query('quiet', before))).gaps).toEqual([{ reason: 'lost', topics: ['quiet'] }])
      expect((await each.read('n', query('a', 'start'))).gaps).toEqual([])
    }
  })

  test('S6: of nodes that come back together one moves the counter, and the others use what it made', async () => {
    const server = await redisForTest({ keeps: 'snapshot' })
    const stores = await Promise.all(Array.from({ length: 4 }, () => opened(server)))
    await Promise.all(stores.map((store) => fill(store, 'a', 5)))
    await server.command('SAVE')
    await restart(server, ...stores)
    const results = await Promise.all(stores.map((store) => put(store, event('a'))))
    const numbers = results.flatMap(({ events }) => seqs(events)).sort((one, other) => one - other)
    expect(numbers.at(-1)).toBe((numbers[0] ?? 0) + 3)
    const admin = new Redis(server.url)
    const [lost = ''] = await admin.keys('*:lost')
    expect(await admin.zcard(lost)).toBe(1)
    await admin.quit()
  })

  test('S5: Redis restarted empty, or emptied, is a new epoch, told to followers, and appends go on', async () => {
    const server = await redisForTest()
    const store = await opened(server)
    const listener = new Listener()
    const epochs: string[] = []
    await store.follow('n', {
      announced: (announcements) => listener.announced(announcements),
      interrupted: () => listener.interrupted(),
      probed(position) {
        epochs.push(position.epoch)
        listener.probed(position)
      },
    })
    const before = await put(store, event('a'))
    await restart(server, store)
    await listener.until(() => epochs.length > 0)
    const after = await put(store, event('a'))
    expect(after.position.seq).toBe(1)
    expect(epochs.at(-1)).toBe(after.position.epoch)
    expect(after.position.epoch).not.toBe(before.position.epoch)
    expect((await store.read('n', query('a', before.position))).gaps).toEqual([{ reason: 'epoch', topics: ['a'] }])
    await server.command('FLUSHALL')
    const third = await put(store, event('a'))
    expect(third.position).toMatchObject({ seq: 1 })
    expect(third.position.epoch).not.toBe(after.position.epoch)
    await listener.until(() => epochs.includes(third.position.epoch))
    await store.due({ limit: 1, pauseMs: 5_000 })
    expect(await server.command('SMEMBERS', 'tidings:namespaces')).toEqual(['n'])
  })
})
