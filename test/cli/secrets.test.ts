import { createHmac } from 'node:crypto'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readStream } from '../fixtures/stream.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { redisProxy } from '../fixtures/redis-proxy.js'
import { serve } from './program.js'

/** Planted where credentials and payloads stand; none of it may come out but to whom it was sent. */
const planted = {
  key: 'PLANTED-jwt-secret-that-is-long-enough',
  password: 'PLANTED-redis-password',
  cookie: 'PLANTED-cookie-value',
  basic: Buffer.from('PLANTED:basic').toString('base64'),
  opaque: 'PLANTED-opaque-token',
  payload: 'PLANTED-payload',
}

function sign(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const text = `${part({ alg: 'HS256' })}.${part({ iat: now, exp: now + 240, ...claims })}`
  return `${text}.${createHmac('sha256', planted.key).update(text).digest('base64url')}`
}

describe.skipIf(noRedis)('what comes out of a hub', () => {
  test('O4, T2 [P12.5]: no token, cookie, key, password or payload is in logs, problem documents, lists of connections or figures', async () => {
    const redis = await redisForTest({ password: planted.password })
    const proxy = await redisProxy(redis.port)
    onTestFinished(() => proxy.close())
    const store = `redis://:${planted.password}@127.0.0.1:${proxy.port}`
    const flags = ['--port', '0', '--store', store, '--log-level', 'debug', '--url-tokens']
    const { program, url } = await serve(flags, { TIDINGS_JWT_SECRET: planted.key })
    onTestFinished(() => void program.kill())

    const admin = sign({ sub: 'boss', jti: 'j1', tidings: { admin: true, subscribe: ['*'], publish: ['*'] } })
    const person = sign({ sub: '7', sid: 's7', tidings: { subscribe: ['news'] } })
    const forged = `${person.slice(0, -6)}AAAAAA`
    const late = sign({ sub: '7', exp: 1 })
    const secrets = [...Object.values(planted), admin, person, forged, late].flatMap((secret) => {
      const [, , signature] = secret.split('.')
      return [secret, encodeURIComponent(secret), ...(signature ? [signature] : [])]
    })

    /** All that was said to somebody other than the reader of an event. */
    let said = ''
    const call = async (
      path: string,
      headers: Record<string, string>,
      body?: string,
      method = body ? 'POST' : 'GET',
    ) => {
      const json = { 'content-type': 'application/json' }
      const sent = { cookie: `session=${planted.cookie}`, accept: 'application/json', ...(body && json), ...headers }
      const response = await fetch(url + path, { method, headers: sent, ...(body && { body }) })
      said += `${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}\n`
      return response.status
    }
    const bearing = (token: string) => ({ authorization: `Bearer ${token}` })

    const streams = [
      await readStream(url, { headers: bearing(person), topics: ['news'] }),
      await readStream(url, { query: { token: person }, topics: ['news'] }),
    ]
    onTestFinished(async () => void (await Promise.all(streams.map((one) => one.close()))))
    const event = (more: object) => JSON.stringify({ topic: 'news', type: 'n', data: planted.payload, ...more })
    const statuses = [
      await call('/events', bearing(admin), event({})),
      await call('/events', bearing(admin), event({ type: 'hello' })),
      await call('/events', bearing(admin), event({ topic: 'job:1' })),
      await call('/events', bearing(admin), event({ data: planted.payload.repeat(10_000) })),
      await call('/events', bearing(admin), event({ id: 'same' })),
      await call('/events', bearing(admin), event({ id: 'same', data: [planted.payload] })),
      await call('/events', bearing(admin), `{"data": "${planted.payload}", broken`),
      await call('/events', bearing(person), event({})),
      await call('/jobs', bearing(admin), JSON.stringify({ kind: 'k', owner: 'user:7', total: planted.payload })),
    ]
    expect(statuses).toEqual([201, 400, 400, 413, 201, 422, 400, 403, 400])
    for (const bad of [forged, late, planted.opaque, `${planted.opaque} ${planted.opaque}`]) {
      expect(await call('/events?topic=news', bearing(bad))).toBe(401)
      expect(await call(`/events?topic=news&token=${encodeURIComponent(bad)}`, {})).toBe(401)
      expect(await call('/revocations', bearing(bad), '{"user":"7"}')).toBe(401)
    }
    expect(await call('/events?topic=news', { authorization: `Basic ${planted.basic}` })).toBe(401)
    expect(await call(`/nowhere?token=${person}`, {})).toBe(404)
    expect(await call(`/events?topic=secret&token=${person}`, {})).toBe(403)
    expect(await call(`/events?topic=%20&token=${person}`, {})).toBe(400)
    expect(await call(`/events?since=x&token=${person}`, {}, undefined, 'PUT')).toBe(405)
    expect(await call('/tokens', { ...bearing(person), host: 'x y' }, `{"${planted.payload}`)).toBe(400)
    const lists = ['/connections', '/connections?state=closed', '/health', '/ready', '/topics/news']
    for (const path of [...lists, '/stats', '/metrics', '/diagnosis', '/openapi.json'])
      expect([path, await call(path, bearing(admin))]).toEqual([path, 200])
    for (const reader of streams) {
      expect(await call(`/connections/${reader.connectionId}`, bearing(admin))).toBe(200)
      expect((await reader.next()).data).toBe(planted.payload)
    }
    expect(said).toContain('"user":"7"')

    // What goes wrong is logged with all that the hub knows of it.
    proxy.refuses = true
    proxy.cut()
    await program.until(({ errors }) => errors.includes('the store is away'))
    expect(await call('/jobs', bearing(admin), JSON.stringify({ kind: planted.payload, owner: 'user:7' }))).toBe(503)
    expect(await call('/events?topic=news&since=start', bearing(person))).toBe(503)
    proxy.refuses = false
    await program.until(({ errors }) => errors.includes('the store is back'))
    await call('/connections?user=7', bearing(admin), undefined, 'DELETE')
    await program.kill('SIGTERM')
    await program.ended()

    const printed = `${program.lines.join('\n')}\n${program.errors}`
    expect(printed).toContain('ready')
    for (const line of ['connection opened', 'connection closed', 'event stored', 'request refused'])
      expect(printed).toContain(line)
    for (const secret of secrets) {
      expect([secret.slice(0, 24), printed.includes(secret)]).toEqual([secret.slice(0, 24), false])
      expect([secret.slice(0, 24), said.includes(secret)]).toEqual([secret.slice(0, 24), false])
    }
  })
})
