import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { TidingsError } from '#src/errors.js'
import type { Store } from '#src/store/store.js'
import { noRedis, type RedisServer, redisForTest } from '../fixtures/redis.js'
import { eventOf, namespace } from './noting-publisher.js'
import { NotingReader } from './noting-reader.js'
import { ask, eventually, openHub, openStore, storeOn } from './redis-bench.js'

/** A Redis that does not do what it is asked to, and how that ends. `words`: what the error must say. */
interface Trouble {
  readonly what: string
  readonly words: RegExp
  readonly settings?: Record<string, string>
  begin(server: RedisServer): Promise<void>
  end(server: RedisServer): Promise<void>
}

const troubles: readonly Trouble[] = [
  {
    what: 'out of memory (maxmemory, noeviction)',
    words: /memory/i,
    begin: async (server) => void (await server.command('CONFIG', 'SET', 'maxmemory', '1mb')),
    end: async (server) => void (await server.command('CONFIG', 'SET', 'maxmemory', '0')),
  },
  {
    what: 'a replica that may only be read',
    words: /read.?only|replica/i,
    // Of a primary that is not there: it keeps what it has.
    begin: async (server) => void (await server.command('REPLICAOF', '127.0.0.1', '1')),
    end: async (server) => void (await server.command('REPLICAOF', 'NO', 'ONE')),
  },
  {
    what: 'cannot write its snapshot (MISCONF)',
    words: /snapshot|RDB|disk|MISCONF/i,
    settings: { save: '3600 1', 'enable-protected-configs': 'yes' },
    async begin(server) {
      const gone = join(server.folder, 'gone')
      await mkdir(gone)
      await server.command('CONFIG', 'SET', 'dir', gone)
      await rm(gone, { recursive: true })
      await server.command('BGSAVE').catch(() => {})
      await eventually('saving fails', async () => (await server.info('rdb_last_bgsave_status')) === 'err')
    },
    async end(server) {
      await server.command('CONFIG', 'SET', 'dir', server.folder)
      await server.command('BGSAVE')
      await eventually('saving works', async () => (await server.info('rdb_last_bgsave_status')) === 'ok')
    },
  },
]

describe.skipIf(noRedis)('a Redis that refuses', () => {
  for (const { what, words, settings, begin, end } of troubles) {
    test(`S5, faults 16, 23: ${what}: a clear error, nothing half done, and on again when it ends`, async () => {
      const server = await redisForTest({ ...(settings && { settings }) })
      const store = storeOn(server.url)
      const { hub } = await openHub(store)
      const reader = new NotingReader(hub, 'reader', ['a', 'job:j'])
      expect((await ask(hub, '/jobs', { id: 'j', owner: 'user:root', kind: 'k' })).status).toBe(201)
      await append(store, 'before')
      await reader.until(() => reader.has('before'))
      const whole = await everything(server)

      await begin(server)
      const refusals = await Promise.all([
        append(store, 'refused').catch((error: unknown) => error),
        store.append(namespace, stateAndEvent('refused too')).catch((error: unknown) => error),
      ])
      for (const error of refusals) {
        expect(error).toBeInstanceOf(TidingsError)
        expect(error).toMatchObject({ retryable: true, message: expect.stringMatching(words) })
        // A refusal is known to have done nothing: nobody is left to guess.
        expect((error as TidingsError).code).not.toBe('indeterminate')
      }
      const job = await ask(hub, '/jobs/j', { increment: { processed: 1 } }, 'PATCH')
      expect([job.status, job.body.code]).toEqual([
        expect.toSatisfy((status) => [503, 507].includes(status)),
        expect.any(String),
      ])
      // A publish is refused, or taken and kept waiting; nobody is left without an answer.
      const published = ask(hub, '/events', { id: 'published', topic: 'b', type: 'note', data: 1 })
      expect(await everything(server)).toEqual(whole)
      expect([202, 503, 507]).toContain((await published).status)
      // Reading goes on.
      const late = new NotingReader(hub, 'late', ['a'])
      await late.until(() => late.connects > 0)
      expect(reader.connects).toBe(1)

      await end(server)
      await eventually('it takes events again', async () => {
        const result = await append(store, 'after').catch((error: unknown) => error)
        return !(result instanceof TidingsError)
      })
      await Promise.all([reader, late].map((each) => each.until(() => each.has('after'))))
      expect(late.events.map(({ id }) => id)).toEqual(['before', 'after'])
      late.hangUp()
      expect(reader.events.map(({ id }) => id).filter((id) => id.startsWith('refused'))).toEqual([])
      // Its id was not remembered either.
      expect(await append(store, 'refused')).toMatchObject({ outcome: 'stored', events: [{ duplicate: false }] })
      expect((await ask(hub, '/jobs/j', { increment: { processed: 1 } }, 'PATCH')).body.job.counters.processed).toBe(1)
      expect(reader.gaps).toEqual([])
      expect(reader.connects).toBe(1)
    })
  }

  test('fault 16: started again without memory to write: what is kept can be read, and taken away', async () => {
    const server = await redisForTest({ keeps: 'log', settings: { maxmemory: '3mb' } })
    const store = await openStore(server.url)
    const pad = 'x'.repeat(10_000)
    let stored = 0
    for (let error: unknown = null; error === null; ) {
      const event = { ...eventOf(`e-${stored}`, [`topic:${stored % 10}`], 1, pad) }
      error = await store.append(namespace, { events: [event] }).then(
        () => null,
        (failure: unknown) => failure,
      )
      if (error === null) stored++
    }
    expect(stored).toBeGreaterThan(20)
    await server.kill()
    await server.start()
    // Less is in use after a start.
    await server.command('CONFIG', 'SET', 'maxmemory', '1mb')
    const again = await openStore(server.url)
    await expect(again.append(namespace, { events: [eventOf('no', ['topic:0'], 1, pad)] })).rejects.toMatchObject({
      name: 'TidingsError',
      retryable: true,
    })
    const topics = Array.from({ length: 10 }, (_, n) => `topic:${n}`)
    const page = await again.read(namespace, { topics, after: 'start', limit: 1_000, maxBytes: 1e8 })
    expect(page.events.length).toBe(stored)
    await again.maintain()
    expect(await again.due({ limit: 10, pauseMs: 1_000 })).toEqual([])
    for (const topic of topics) await again.erase(namespace, topic)
    expect((await again.describe(namespace, 'topic:0')).count).toBe(0)
    await server.command('CONFIG', 'SET', 'maxmemory', '3mb')
    await eventually('there is room again', async () => {
      const result = await again.append(namespace, { events: [eventOf('yes', ['topic:0'], 1)] }).catch(() => null)
      return result?.outcome === 'stored'
    })
  })

  test('fault 23: a script of somebody else that does not end (BUSY) delays or refuses, and nothing is done twice', async () => {
    const server = await redisForTest({ settings: { 'busy-reply-threshold': '50' } })
    const store = await openStore(server.url)
    await append(store, 'before')
    const other = new Redis({ path: server.socket })
    other.on('error', () => {})
    const endless = other.eval('while true do end', 0).catch(() => {})
    await eventually('it is busy', () =>
      server.command('PING').then(
        () => false,
        (error: unknown) => /BUSY/.test(String(error)),
      ),
    )
    const during = append(store, 'during').catch((error: unknown) => error)
    await server.command('SCRIPT', 'KILL')
    await endless
    other.disconnect()
    const result = await during
    if (result instanceof Error) expect(result).toMatchObject({ name: 'TidingsError', retryable: true })
    await eventually(
      'it goes on',
      async () => !((await append(store, 'during').catch((error) => error)) instanceof Error),
    )
    expect(await ids(store)).toEqual(['before', 'during'])
  })

  test('fault 23: while it loads its data (LOADING) the store is away, and then it is there', async () => {
    const server = await redisForTest({
      keeps: 'log',
      settings: { 'key-load-delay': '500', 'loading-process-events-interval-bytes': '1024' },
    })
    const store = await openStore(server.url)
    await Promise.all(Array.from({ length: 500 }, (_, n) => append(store, `before-${n}`)))
    // Of other programs: the events alone are too few keys to be seen loading.
    const fill = `for n = 1, 8000 do redis.call('SET', 'other:' .. n, string.rep('x', 100)) end`
    await server.command('EVAL', fill, '0')
    await server.command('SAVE')
    await server.command('BGREWRITEAOF')
    await eventually('rewritten', async () => (await server.info('aof_rewrite_in_progress')) === '0')
    await server.kill()
    await server.launch()
    expect(await server.info('loading')).toBe('1')
    const errors: unknown[] = []
    await eventually('it took an event', async () => {
      const result = await append(store, 'after').catch((error: unknown) => error)
      if (result instanceof Error) errors.push(result)
      return !(result instanceof Error)
    })
    expect(errors.length).toBeGreaterThan(0)
    for (const error of errors) expect(error).toMatchObject({ name: 'TidingsError', retryable: true })
    expect((await ids(store)).length).toBe(501)
  })

  test('S6, fault 17: a Redis that evicts is refused at the start, by its policy, unless it is told', async () => {
    const server = await redisForTest({ settings: { maxmemory: '50mb', 'maxmemory-policy': 'allkeys-lru' } })
    const store = storeOn(server.url)
    await expect(store.open()).rejects.toMatchObject({ message: expect.stringContaining('allkeys-lru') })
    await store.close()
    await append(await openStore(server.url, { allowEviction: true }), 'told')
  })
})

const append = async (store: Store, id: string) => {
  const result = await store.append(namespace, { events: [eventOf(id, ['a'], id)] })
  if (result.outcome !== 'stored') throw new Error(JSON.stringify(result))
  return result
}

const stateAndEvent = (id: string) => ({
  commands: [{ id: `command ${id}`, digest: 'd' }],
  events: [eventOf(id, ['a'], id)],
  states: [{ topic: 'job:other', expect: 0, value: '{}', deadline: { afterMs: 60_000, lease: true } }],
})

async function ids(store: Store): Promise<string[]> {
  const page = await store.read(namespace, { topics: ['a'], after: 'start', limit: 1_000, maxBytes: 1e7 })
  return page.events.map(({ id }) => id)
}

/** All keys with all that is in them. */
async function everything(server: RedisServer): Promise<Record<string, unknown>> {
  const keys = ((await server.command('KEYS', '*')) as string[]).sort()
  const readers: Record<string, (key: string) => readonly (string | number)[]> = {
    string: (key) => ['GET', key],
    hash: (key) => ['HGETALL', key],
    list: (key) => ['LRANGE', key, 0, -1],
    set: (key) => ['SMEMBERS', key],
    zset: (key) => ['ZRANGE', key, 0, -1, 'WITHSCORES'],
    stream: (key) => ['XRANGE', key, '-', '+'],
  }
  const all: Record<string, unknown> = {}
  for (const key of keys) {
    const kind = String(await server.command('TYPE', key))
    const value = await server.command(...(readers[kind] as (key: string) => readonly (string | number)[])(key))
    // A hash tells its fields in another order while it grows.
    all[key] = kind === 'hash' ? Object.fromEntries(pairsOf(value as string[])) : value
  }
  return all
}

const pairsOf = (words: readonly string[]): [string, string][] =>
  words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1] as string]] : []))
