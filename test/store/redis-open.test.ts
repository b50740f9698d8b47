import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RedisStoreOptions, redisStore } from '#src/store/redis.js'
import type { Store } from '#src/store/store.js'
import { event, put } from '#src/testing/store-contract/kit.js'
import { noRedis, noValkey, type RedisServer, redisForTest, startRedis } from '../fixtures/redis.js'

async function opened(options: string | RedisStoreOptions): Promise<Store> {
  const store = redisStore(options)
  await store.open()
  onTestFinished(() => store.close())
  return store
}

test('S1: an option that cannot be is refused at construction, by its name', () => {
  const url = 'redis://127.0.0.1:1'
  const client = new Redis({ lazyConnect: true })
  for (const [field, options] of Object.entries({
    url: {},
    'url ': { url, client },
    ' url': { url: 'http://127.0.0.1' },
    ' url ': { url: 'redis://127.0.0.1:99999' },
    client: { client: {} },
    ' client': { client: Object.assign(new Redis({ lazyConnect: true }), { isCluster: true }) },
    prefix: { url, prefix: 'a{b}' },
    database: { url, database: -1 },
    password: { url, password: 1 },
    tls: { url, tls: true },
    commandTimeoutMs: { url, commandTimeoutMs: 0 },
    allowEviction: { url, allowEviction: 'yes' },
    'retention.events': { url, retention: { events: 0 } },
  })) {
    expect(() => redisStore(options as RedisStoreOptions)).toThrow(
      expect.objectContaining({ code: 'option_invalid', field: field.trim() }),
    )
  }
  expect(() => redisStore('http://127.0.0.1')).toThrow(expect.objectContaining({ field: 'url' }))
  client.disconnect()
})

test('S1: a server older than 7.0 is refused at start', async () => {
  const old = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      const info = 'redis_version:6.2.14\r\nrole:master\r\n'
      // One answer a command: each begins with a star.
      for (const command of chunk.toString().split(/^(?=\*)/m)) {
        socket.write(/info\r\n$/i.test(command) ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n')
      }
    })
  })
  await once(old.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void old.close())
  const store = redisStore({ url: `redis://127.0.0.1:${(old.address() as AddressInfo).port}` })
  await expect(store.open()).rejects.toMatchObject({ code: 'option_invalid', message: /6\.2\.14 is too old/ })
})

describe.skipIf(noRedis)(`opening Redis${noRedis ? ` (${noRedis})` : ''}`, () => {
  let server: RedisServer
  let admin: Redis
  beforeAll(async () => {
    server = await startRedis()
    admin = new Redis(server.url)
  })
  afterAll(async () => {
    await admin?.quit()
    await server?.stop()
  })

  test('S1: an address alone is enough', async () => {
    const { url } = await redisForTest()
    await put(await opened(url), event('a'))
    const direct = new Redis(url)
    expect(await direct.keys('tidings:*')).not.toEqual([])
    await direct.quit()
  })

  test('S1: TLS is spoken where the address says so, and a certificate that nobody vouches for is not taken', async () => {
    const secure = await redisForTest({ tls: true, password: 'secret' })
    const store = await opened({ url: secure.url, tls: { ca: secure.certificate } })
    await put(store, event('a'))
    const wary = await opened({ url: secure.url, connectTimeoutMs: 300 })
    expect(wary.availability?.available).toBe(false)
    expect(wary.availability?.reason).toMatch(/self-signed|certificate/)
  })

  test('S1: a password is used; a wrong one is refused at start and not told to anybody', async () => {
    const closed = await redisForTest({ password: 'p@ss word' })
    await put(await opened({ url: closed.url }), event('a'))
    await put(await opened({ url: `redis://127.0.0.1:${closed.port}`, password: 'p@ss word' }), event('a'))
    for (const url of [`redis://:wrong@127.0.0.1:${closed.port}`, `redis://127.0.0.1:${closed.port}`]) {
      const refused = await redisStore({ url })
        .open()
        .catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: 'option_invalid' })
      expect(String((refused as Error).message)).not.toContain('wrong@')
    }
  })

  test('S1: keys lie in the database and under the prefix that were asked for, and nowhere else', async () => {
    for (const options of [{ url: `${server.url}/3` }, { url: server.url, database: 3 }]) {
      const store = await opened({ ...options, prefix: 'mine:' })
      await put(store, {
        events: [event(['a', 'b'])],
        states: [{ topic: 'job:1', expect: 0, value: 'x', group: 'g', deadline: { afterMs: 1, lease: true } }],
      })
      await store.maintain()
      await put(store, { events: [], states: [{ topic: 'job:1', expect: 1, value: null }] })
    }
    expect(await admin.dbsize()).toBe(0)
    await admin.select(3)
    const keys = await admin.keys('*')
    expect(keys.filter((key) => !key.startsWith('mine:'))).toEqual([])
    expect(keys.length).toBeGreaterThan(5)
    await admin.flushdb()
    await admin.select(0)
    await expect(redisStore({ url: server.url, database: 99 }).open()).rejects.toMatchObject({ code: 'option_invalid' })
  })

  test('S1: stores with different prefixes on one Redis know nothing of each other', async () => {
    const [one, other] = [
      await opened({ url: server.url, prefix: 'one:' }),
      await opened({ url: server.url, prefix: 'other:' }),
    ]
    await put(one, event('a', { id: 'x' }))
    expect((await put(other, event('a', { id: 'x', digest: 'other' }))).events).toEqual([
      { id: 'x', seq: 1, duplicate: false },
    ])
    await admin.flushall()
  })

  test('S1: a client that is handed in is neither used nor changed nor closed', async () => {
    const client = new Redis(server.url, { keyPrefix: 'theirs:', lazyConnect: true })
    const options = JSON.stringify(client.options)
    const store = redisStore({ client })
    await store.open()
    const following = await store.follow('n', { announced() {}, interrupted() {}, probed() {} })
    await put(store, event('a'))
    following.close()
    await store.close()
    expect(client.status).toBe('wait')
    expect(JSON.stringify(client.options)).toBe(options)
    expect(await client.get('nothing')).toBe(null)
    expect((await admin.keys('theirs:*')).length).toBe(0)
    expect((await admin.keys('tidings:*')).length).toBeGreaterThan(0)
    await client.quit()
    await admin.flushall()
  })

  test('S1: a policy that lets Redis throw kept events away is refused unless told', async () => {
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru')
    onTestFinished(async () => void (await admin.config('SET', 'maxmemory-policy', 'noeviction')))
    await expect(redisStore({ url: server.url }).open()).rejects.toMatchObject({
      code: 'option_invalid',
      field: 'allowEviction',
    })
    await put(await opened({ url: server.url, allowEviction: true }), event('a'))
  })

  test('H9: a newer format is refused by its number, a newer minor version of this one is not', async () => {
    const store = await opened({ url: server.url, prefix: 'format:' })
    await put(store, event('a'), 'n')
    const meta = (await admin.keys('format:{*}:meta')).at(0) ?? ''
    await admin.set('format:format', '1.7')
    await admin.hset(meta, 'format', '1.7', 'unknown', 'field')
    const second = await opened({ url: server.url, prefix: 'format:' })
    expect((await second.head('n')).seq).toBe(1)
    await admin.hset(meta, 'format', '2.0')
    const third = await opened({ url: server.url, prefix: 'format:' })
    await expect(third.head('n')).rejects.toMatchObject({ code: 'store_newer', message: /2\.0/ })
    await expect(third.append('n', { events: [event('a')] })).rejects.toMatchObject({ code: 'store_newer' })
    await admin.set('format:format', '2.0')
    await expect(redisStore({ url: server.url, prefix: 'format:' }).open()).rejects.toMatchObject({
      code: 'store_newer',
      message: /2\.0/,
    })
  })

  test.each(['hscan', 'zincrby', 'pttl'])(
    'S1: a server without %s, which the store needs, is refused at start',
    async (name) => {
      const poor = await redisForTest({ settings: { 'rename-command': `${name} ""` } })
      await expect(redisStore({ url: poor.url }).open()).rejects.toMatchObject({
        code: 'option_invalid',
        message: `This server lacks ${name.toUpperCase()}, which the store needs.`,
      })
    },
  )

  test('S6: a replica is refused at start', async () => {
    const replica = await redisForTest({ replicaOf: server.port })
    await expect(redisStore({ url: replica.url }).open()).rejects.toMatchObject({
      code: 'option_invalid',
      message: /replica/,
    })
  })

  test('S5: where Redis cannot be reached the store opens, says so, refuses at once, and comes when Redis does', async () => {
    const late = await redisForTest()
    await late.kill()
    const store = await opened({ url: late.url, connectTimeoutMs: 200 })
    expect(store.availability?.available).toBe(false)
    expect(store.availability?.reason).toMatch(/ECONNREFUSED/)
    await expect(store.append('n', { events: [event('a')] })).rejects.toMatchObject({
      code: 'store_unavailable',
      retryAfterMs: expect.any(Number) as number,
    })
    await expect(store.follow('n', { announced() {}, interrupted() {}, probed() {} })).rejects.toMatchObject({
      code: 'store_unavailable',
    })
    const back = new Promise<boolean>((resolve) => store.availability?.watch(resolve))
    await late.start()
    expect(await back).toBe(true)
    expect(store.availability?.reason).toBe(null)
    expect((await put(store, event('a'))).position.seq).toBe(1)
  })

  test('S1: a store that is closed or not open says so', async () => {
    const store = redisStore({ url: server.url })
    await expect(store.head('n')).rejects.toMatchObject({ code: 'closed' })
    await store.open()
    await expect(store.open()).rejects.toMatchObject({ code: 'closed' })
    await store.close()
    await store.close()
    await expect(store.append('n', { events: [event('a')] })).rejects.toMatchObject({ code: 'closed' })
    await expect.poll(async () => (await admin.call('CLIENT', 'LIST')) as string).not.toContain('name=tidings')
  })
})

test.skipIf(noValkey)(`S1: Valkey is as good${noValkey ? ` (${noValkey})` : ''}`, async () => {
  const valkey = await redisForTest({ program: 'valkey-server' })
  const store = await opened({ url: valkey.url })
  expect((await put(store, event('a'))).position.seq).toBe(1)
})
