import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { redisStore } from '#src/store/redis.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { headersOf, startHub } from './server.js'

const admin = { userId: 'boss', admin: true }

interface Explained {
  readonly event: { readonly id: string; readonly topics: readonly string[] } | null
  readonly rights: readonly { readonly topic: string; readonly mayRead: boolean }[]
  readonly readers: readonly { readonly verdict: string; readonly words: string }[]
  readonly reasons: readonly { readonly code: string; readonly words: string }[]
  readonly unknown: readonly string[]
  readonly searched: { readonly complete: boolean; readonly topics: readonly string[] }
}

const codes = ({ body }: { body: Explained }) => body.reasons.map(({ code }) => code)

test('O5 [P16.1]: a request is told what reached the hub of it: version, address, and whether a proxy is believed', async () => {
  const { call, port } = await startHub()
  const { body } = await call('/diagnosis', { headers: { 'X-Forwarded-For': '192.0.2.7' } })
  expect(body).toMatchObject({
    request: { httpVersion: '1.1', address: '127.0.0.1', forwarded: 'ignored', host: `127.0.0.1:${port}` },
    principal: { method: 'session', user: 'root', admin: false },
    heartbeatMs: 25_000,
  })
  expect(body).not.toHaveProperty('store')
  expect((await call('/diagnosis', { as: null })).status).toBe(401)

  const trusting = await startHub({ trustedProxies: ['127.0.0.1'] })
  const believed = await trusting.call('/diagnosis', { headers: { 'X-Forwarded-For': '192.0.2.7' }, as: admin })
  expect(believed.body).toMatchObject({
    request: { address: '192.0.2.7', forwarded: 'believed' },
    store: { kind: 'memory', available: true, facts: {} },
  })
  expect((await trusting.call('/diagnosis')).body).toMatchObject({ request: { forwarded: 'none' } })

  const old = connect(trusting.port, '127.0.0.1')
  let heard = ''
  old.on('data', (bytes) => (heard += bytes))
  old.write(
    `GET /diagnosis HTTP/1.0\r\n${Object.entries(headersOf(admin))
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}\r\n`,
  )
  await new Promise((resolve) => old.on('close', resolve))
  expect(heard).toContain('"httpVersion":"1.0"')
})

test.skipIf(noRedis)('O5 [P16.1]: administrators are told how Redis is run', async () => {
  const redis = await redisForTest({ keeps: 'log' })
  const { call } = await startHub({ store: redisStore({ url: redis.url }) })
  const { body } = await call<{ store: { facts: object } }>('/diagnosis', { as: admin })
  expect(body.store).toMatchObject({
    kind: 'redis',
    available: true,
    facts: { maxmemoryPolicy: 'noeviction', appendonly: 'yes' },
  })
})

test('O5 [P16.2]: why a reader has an event, or not: sent, not asked for, another type, gone before, came after, never there', async () => {
  const { call, stream, publish } = await startHub()
  const explain = async (event: string, user: string, more = '') =>
    await call<Explained>(`/explanation?event=${event}&user=${user}${more}`, { as: admin })
  const has = await stream({ as: { userId: '7' }, topics: ['user:7', 'all'] })
  const elsewhere = await stream({ as: { userId: '8' }, topics: ['user:8'] })
  const typed = await stream({ as: { userId: '9' }, topics: ['all'], types: ['other'] })
  const left = await stream({ as: { userId: '10' }, topics: ['all'] })
  for (const reader of [has, elsewhere, typed, left]) await reader.control('hello')
  await left.close()
  while ((await call<{ connections: [] }>('/connections?state=closed', { as: admin })).body.connections.length === 0);
  await new Promise((resolve) => setTimeout(resolve, 20))
  const { body: published } = await publish({ topic: 'all', type: 'n', data: { secret: 'PLANTED' }, priority: 'low' })
  await has.next()
  const late = await stream({ as: { userId: '11' }, topics: ['all'] })
  await late.control('hello')

  const sent = await explain(published.id, '7')
  expect(sent.body.event).toMatchObject({ id: published.id, topics: ['all'], cursor: published.cursor })
  expect(JSON.stringify(sent.body)).not.toContain('PLANTED')
  expect(codes(sent)).toEqual(['sent'])
  expect(sent.body.rights).toEqual([{ topic: 'all', mayRead: true }])
  expect(sent.body.unknown.join(' ')).toContain('Its priority is low')
  expect(codes(await explain(published.cursor, '7'))).toEqual(['sent'])
  expect(codes(await explain(published.id, '8'))).toEqual(['topic'])
  expect(codes(await explain(published.id, '9'))).toEqual(['type'])
  const gone = await explain(published.id, '10')
  expect(codes(gone)).toEqual(['left'])
  expect(gone.body.readers[0]?.words).toMatch(/^It had ended \d+(\.\d)? s before \(gone\)\.$/)
  expect(codes(await explain(published.id, '11'))).toEqual(['later'])
  expect(codes(await explain(published.id, '12'))).toEqual(['absent'])
})

test('O5 [P16.2]: what nobody may read is forbidden, what is not kept is not found, and the filter is asked', async () => {
  const { call, stream, publish, hub } = await startHub({ filter: (_, { type }) => type !== 'hidden' })
  const explain = async (event: string, user: string, more = '') =>
    await call<Explained>(`/explanation?event=${encodeURIComponent(event)}&user=${user}${more}`, { as: admin })
  const { body: private7 } = await publish({ topic: 'report:9', type: 'n' })
  expect(codes(await explain(private7.id, '7'))).toEqual(['not_found'])
  const named = await explain(private7.id, '7', '&topic=report:9')
  expect(codes(named)).toEqual(['forbidden', 'absent'])
  expect(named.body.rights).toEqual([{ topic: 'report:9', mayRead: false }])

  const reader = await stream({ as: { userId: '7' }, topics: ['user:7'] })
  await reader.control('hello')
  const { body: hidden } = await publish([
    { topic: 'user:7', type: 'hidden' },
    { topic: 'user:7', type: 'n' },
  ] as never)
  await reader.next()
  const [first] = hidden as unknown as readonly { id: string }[]
  const withheld = await explain(first?.id as string, '7')
  expect(codes(withheld)).toEqual(['filter'])
  expect(withheld.body.readers.map(({ verdict }) => verdict)).toEqual(['withheld'])

  const volatile = await hub.publish({ topic: 'user:7', type: 'typing', volatile: true })
  const never = await explain(volatile.id, '7')
  expect(codes(never)).toEqual(['not_found'])
  expect(never.body.unknown.join(' ')).toContain('volatile')
  expect(codes(await explain('anotherEpoch.5', '7'))).toEqual(['epoch'])
  // In the log alone, among many.
  const { body: old } = await publish({ topic: 'user:8', type: 'n' })
  for (let batch = 0; batch < 2; batch++)
    await hub.publish(Array.from({ length: 400 }, () => ({ topic: 'user:8', type: 'n', data: 'x'.repeat(100) })))
  expect((await explain(old.id, '8')).body.event).toMatchObject({ id: old.id })
  for (const [query, field] of [
    ['user=7', 'event'],
    ['event=1', 'user'],
    ['event=1&user=7&topic=a%20b', 'topic'],
  ])
    expect((await call(`/explanation?${query}`, { as: admin })).body).toMatchObject({ status: 400, field })
})
