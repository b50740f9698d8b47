import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { memoryStore } from '#src/store/memory.js'
import { headersOf, numbers, root, startHub } from './server.js'

const note = (data: unknown = null, topic = 'news', type = 'note') => ({ topic, type, data })

describe('asking for a stream', () => {
  test('[P4.1, P4.2] the Accept header chooses between stream, poll and refusal', async () => {
    const hub = await startHub()
    const typeFor = async (accept: string | undefined): Promise<string> => {
      const abort = new AbortController()
      const response = await fetch(`${hub.url}/events?topic=a`, {
        headers: { ...headersOf(root), ...(accept !== undefined && { accept }) },
        signal: abort.signal,
      })
      const type = `${response.status} ${response.headers.get('content-type')?.split(';')[0]}`
      abort.abort()
      return type
    }
    const stream = '200 text/event-stream'
    for (const accept of [
      'text/event-stream',
      '*/*',
      undefined,
      'text/event-stream, application/json',
      'text/html;q=0.1, */*;q=0.5',
    ]) {
      expect([accept, await typeFor(accept)]).toEqual([accept, stream])
    }
    for (const accept of ['application/json', 'application/json, text/plain, */*', 'Application/JSON; q=1']) {
      expect([accept, await typeFor(accept)]).toEqual([accept, '200 application/json'])
    }
    for (const accept of ['text/html', 'image/png, application/xml']) {
      expect([accept, await typeFor(accept)]).toEqual([accept, '406 application/problem+json'])
    }
    expect((await hub.call('/events?topic=a', { accept: 'text/html' })).body).toMatchObject({ code: 'not_acceptable' })
  })

  test('[P4.3] without topics a reader gets its own, and nobody else does', async () => {
    const hub = await startHub()
    const seven = await hub.stream({ as: { userId: '7', sessionId: 's', roles: ['A', 'B'] } })
    const eight = await hub.stream({ as: { userId: '8' } })
    expect((await seven.control('hello')).topics.toSorted()).toEqual([
      'all',
      'jobs:7',
      'role:A',
      'role:B',
      'session:s',
      'user:7',
    ])
    for (const topic of ['user:7', 'session:s', 'role:A', 'role:B']) await hub.publish(note(topic, topic))
    await hub.publish(note('end', 'all'))
    expect(numbers(await seven.until((event) => event.data === 'end'))).toEqual([
      'user:7',
      'session:s',
      'role:A',
      'role:B',
      'end',
    ])
    expect(numbers(await eight.until((event) => event.data === 'end'))).toEqual(['end'])
  })

  test('[P4.4] own=1 adds the own topics to the named ones', async () => {
    const hub = await startHub()
    const as = { userId: '7', subscribe: ['news'] }
    for (const own of ['1', 'true']) {
      const reader = await hub.stream({ as, topics: ['news'], query: { own } })
      expect((await reader.control('hello')).topics.toSorted()).toEqual(['all', 'jobs:7', 'news', 'user:7'])
    }
    expect((await (await hub.stream({ as, topics: ['news'] })).control('hello')).topics).toEqual(['news'])
  })

  test('[P4.5] a type filter holds back other types, while the cursor passes them', async () => {
    const hub = await startHub()
    const reader = await hub.stream({ topics: ['news'], types: ['b', 'c'] })
    expect((await reader.control('hello')).types).toEqual(['b', 'c'])
    for (const type of ['a', 'b', 'a', 'c', 'a']) await hub.publish(note(type, 'news', type))
    expect(numbers([await reader.next(), await reader.next()])).toEqual(['b', 'c'])
    const { events, cursor } = (await hub.poll('topic=news&type=b&since=start')).body
    expect(numbers(events)).toEqual(['b'])
    expect((await hub.poll(`topic=news&since=${cursor}`)).body.events).toEqual([])
  })

  test('[P4.6] one forbidden topic refuses the stream and is named; forbidden and unknown are one answer', async () => {
    const hub = await startHub()
    await hub.publish(note(1, 'secret'))
    const as = { userId: '7', subscribe: ['news', 'open:*'] }
    const path = '/events?topic=news&topic=secret&topic=user:8&topic=nothing&topic=open:1&topic=role:A'
    for (const accept of ['text/event-stream', 'application/json']) {
      const refused = await hub.call(path, { as, accept })
      expect(refused.status).toBe(403)
      expect(refused.body).toMatchObject({ code: 'forbidden', topics: ['secret', 'user:8', 'nothing', 'role:A'] })
      expect(JSON.stringify(refused.body)).not.toContain('open:1')
    }
    const shape = async (topic: string) => {
      const { status, body } = await hub.call(`/events?topic=${topic}`, { as, accept: 'application/json' })
      return JSON.stringify({ status, body }).replaceAll(topic, '…')
    }
    expect(await shape('secret')).toBe(await shape('nothing'))
    expect(await shape('job:1')).toBe(await shape('job:2'))
  })

  test('[P4.7] nobody is 401, and a bad credential is not taken for none', async () => {
    const hub = await startHub({ jwt: { secret: 'x'.repeat(32) }, development: true })
    for (const headers of [
      {},
      { authorization: 'Bearer a.b.c' },
      { authorization: 'Bearer' },
      { authorization: 'Bearer \u00ff' },
    ] as Record<string, string>[]) {
      for (const path of ['/events', '/jobs', '/topics/a', '/jobs/1']) {
        const refused = await hub.call(path, { as: null, headers })
        expect([path, refused.status, refused.body]).toEqual([
          path,
          401,
          expect.objectContaining({ code: 'unauthorized' }),
        ])
        expect(refused.headers.get('www-authenticate')).toBeTruthy()
      }
    }
    // The same query signs the development user in where there is no bad token beside it.
    expect((await hub.call('/events?userId=7', { as: null, accept: 'application/json' })).status).toBe(200)
    expect(
      (
        await hub.call('/events?userId=7', {
          as: null,
          accept: 'application/json',
          headers: { authorization: 'Bearer a.b.c' },
        })
      ).status,
    ).toBe(401)
  })

  test('[P4.8] a value that a parameter cannot have is 400 by its name; unknown parameters are ignored', async () => {
    const hub = await startHub()
    const bad = [
      'named=perhaps',
      'own=maybe',
      'wait=-1',
      'wait=31',
      'wait=x',
      'wait=',
      'limit=0',
      'limit=1001',
      'limit=1.5',
      'limit=x',
      'type=',
      'type=%00',
      'topic=',
      'topic=a%20b',
      'topic=%ff',
    ]
    for (const query of bad) {
      const refused = await hub.poll(`topic=a&${query}`)
      // An escape that is no UTF-8 becomes U+FFFD, which is a legal character of a topic; only the rights say no.
      if (query === 'topic=%ff') expect(refused.status).toBe(200)
      else
        expect([query, refused.status, refused.body]).toEqual([
          query,
          400,
          expect.objectContaining({ field: query.split('=')[0] }),
        ])
    }
    expect((await hub.poll('topic=a&colour=red&limit=1000&wait=0.001')).status).toBe(200)
  })

  test('[P4.9] nothing of another namespace is ever sent', async () => {
    const hub = await startHub()
    const tenant = (namespace: string) => ({ ...root, namespace })
    const [a, b] = [tenant('a'), tenant('b')]
    const readerB = await hub.stream({ as: b, topics: ['news'] })
    const stored = await hub.publish(note('CANARY', 'news'), a)
    await hub.publish(note('own', 'news'), b)
    expect((await readerB.next()).data).toBe('own')
    const fromA = (await hub.poll('topic=news&since=start', { as: a })).body.events
    expect(numbers(fromA)).toEqual(['CANARY'])
    const poll = await hub.poll('topic=news&since=start', { as: b })
    expect(numbers(poll.body.events)).toEqual(['own'])
    // A cursor of the other namespace is another history.
    const crossed = await hub.poll(`topic=news&since=${stored.body.cursor}`, { as: b })
    expect(crossed.body.gaps).toMatchObject([{ reason: 'epoch' }])
    // Numbers of one namespace say nothing of the other.
    expect(poll.body.events[0]?.seq).toBe(1)
    expect((await hub.publish({ ...note('other', 'news'), id: stored.body.id }, b)).status).toBe(201)
    const { body } = await hub.call<{ job: { id: string } }>('/jobs', {
      as: a,
      body: { id: 'j', owner: 'user:root', kind: 'k' },
    })
    expect((await hub.call(`/jobs/${body.job.id}`, { as: b })).status).toBe(404)
    expect((await hub.call<{ jobs: unknown[] }>('/jobs', { as: b })).body.jobs).toEqual([])
    const seen = JSON.stringify([
      poll.body,
      crossed.body,
      readerB.all(),
      readerB.controls,
      (await hub.call('/topics/news', { as: b })).body,
    ])
    expect(seen).not.toContain('CANARY')
  })

  test('[P2.3, P2.4] a reader learns of no topic that it did not ask for', async () => {
    const hub = await startHub()
    const one = await hub.stream({ topics: ['b'] })
    const two = await hub.stream({ topics: ['c', 'a'] })
    await hub.publish({ topics: ['a', 'b', 'c', 'hidden'], type: 'note', data: 1 })
    const [alone, several] = [await one.next(), await two.next()]
    expect(alone.topic).toBe('b')
    expect(alone).not.toHaveProperty('topics')
    expect([several.topic, several.topics]).toEqual(['a', ['a', 'c']])
    const polled = (await hub.poll('topic=c&topic=b&since=start')).body.events
    expect(polled).toMatchObject([{ topic: 'b', topics: ['b', 'c'] }])
    expect(JSON.stringify([one.all(), one.controls, two.all(), two.controls, polled])).not.toContain('hidden')
  })
})

describe('problem documents', () => {
  test('[P12.1] a refusal has all its members, whatever refused it', async () => {
    const hub = await startHub()
    const refusals = [
      await hub.call('/events?topic=a%20b', { accept: 'application/json' }),
      await hub.call('/events', { as: null }),
      await hub.call('/events?topic=a', { as: { userId: '7' } }),
      await hub.call('/nothing'),
      await hub.call('/events', { method: 'PUT', body: {} }),
      await hub.call('/events', { body: '{' }),
      await hub.call('/jobs/none'),
      await hub.call('/%ff'),
      await hub.call('/events?topic=a', { accept: 'text/html' }),
    ]
    for (const { status, headers, body } of refusals) {
      expect(headers.get('content-type')).toBe('application/problem+json')
      expect(headers.get('cache-control')).toContain('no-store')
      expect(body).toMatchObject({
        type: expect.any(String),
        title: expect.any(String),
        status,
        code: expect.stringMatching(/^[a-z_]+$/),
        detail: expect.any(String),
      })
      expect(String(body.detail)).not.toMatch(/\bat .*\.js|node_modules/)
    }
    expect(refusals.map(({ status }) => status)).toEqual([400, 401, 403, 404, 405, 400, 404, 400, 406])
  })

  test('[P12.2] where trying again helps, the answer says when', async () => {
    const hub = await startHub({ returnWindowMs: 5_000 })
    const reader = await hub.stream({ topics: ['a'] })
    const closing = hub.hub.close({ drainMs: 300 })
    await reader.control('bye')
    const refused = await hub.call('/events?topic=a', { accept: 'application/json' })
    expect([refused.status, refused.body]).toEqual([
      503,
      expect.objectContaining({ code: 'draining', retryAfterMs: expect.any(Number) }),
    ])
    const seconds = Number(refused.headers.get('retry-after'))
    expect(seconds).toBeGreaterThanOrEqual(
      Number(refused.body && 'retryAfterMs' in refused.body ? refused.body.retryAfterMs : 0) / 1000,
    )
    await closing
  })

  test('[P12.3] a fault inside is 500 without its details, which the operator gets', async () => {
    const hub = await startHub({
      authenticate: () => {
        throw new Error('the password of the database is hunter2')
      },
    })
    const answer = await hub.call('/events?topic=a')
    expect([answer.status, answer.body.code]).toEqual([500, 'internal'])
    expect(JSON.stringify(answer.body)).not.toMatch(/hunter2|database/)
    expect(inspect(hub.errors[0])).toContain('hunter2')
  })

  test('[P11.3] what is not there is 404, what a path does not do 405 with what it does', async () => {
    const hub = await startHub()
    for (const path of ['/', '/event', '/events/1', '/jobs/1/start/2', '/topic', '/topics/a/b', '/jobs/1/explode']) {
      const answer = await hub.call(path, path.endsWith('explode') ? { body: {} } : {})
      expect([path, answer.status, answer.body.code]).toEqual([path, 404, 'not_found'])
    }
    const methods: [string, string, string][] = [
      ['/events', 'DELETE', 'GET, HEAD, POST'],
      ['/jobs', 'PUT', 'GET, HEAD, POST'],
      ['/topics/a', 'POST', 'GET, HEAD, DELETE'],
      ['/health', 'POST', 'GET, HEAD'],
    ]
    for (const [path, method, allow] of methods) {
      const answer = await hub.call(path, { method })
      expect([path, answer.status, answer.body.code, answer.headers.get('allow')]).toEqual([
        path,
        405,
        'method_not_allowed',
        allow,
      ])
    }
  })

  test('[P11.2] health and readiness need no credential; a hub that closes is healthy and not ready', async () => {
    const hub = await startHub()
    expect((await hub.call('/health', { as: null })).status).toBe(200)
    expect((await hub.call('/ready', { as: null })).status).toBe(200)
    const reader = await hub.stream({ topics: ['a'] })
    const closing = hub.hub.close({ drainMs: 300 })
    await reader.control('bye')
    expect((await hub.call('/health', { as: null })).status).toBe(200)
    expect((await hub.call('/ready', { as: null })).status).toBe(503)
    await closing
  })

  test('[P11.2] health and readiness ask nothing of the store, however often they are asked', async () => {
    const store = memoryStore()
    const asked: string[] = []
    const counting = new Proxy(store, {
      get(target, name, receiver) {
        const part: unknown = Reflect.get(target, name, receiver)
        if (typeof part === 'function') asked.push(String(name))
        return part
      },
    })
    const hub = await startHub({ store: counting })
    await hub.call('/topics/a')
    expect(asked.length).toBeGreaterThan(0)
    asked.length = 0
    for (let n = 0; n < 20; n++) {
      for (const path of ['/health', '/ready']) {
        const { status, headers, body } = await hub.call(path, { as: null })
        expect([path, status, headers.get('cache-control')]).toEqual([path, 200, 'no-store'])
        expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|default|root/)
      }
    }
    expect(asked).toEqual([])
  })

  test('[P11.1] a topic tells what is kept of it and who reads it', async () => {
    const hub = await startHub()
    expect((await hub.call('/topics/news')).body).toMatchObject({
      topic: 'news',
      first: null,
      last: null,
      count: 0,
      bytes: 0,
      readers: 0,
    })
    const first = await hub.publish(note(1))
    await hub.publish(note(0, 'other'))
    const last = await hub.publish(note(2))
    const reader = await hub.stream({ topics: ['news'] })
    await reader.control('hello')
    expect((await hub.call('/topics/news')).body).toMatchObject({
      topic: 'news',
      first: first.body.cursor,
      last: last.body.cursor,
      count: 2,
      readers: 1,
    })
    expect((await hub.call('/topics/news', { as: { userId: '7' } })).status).toBe(403)
    expect((await hub.call(`/topics/${encodeURIComponent('a/b')}`)).body).toMatchObject({ topic: 'a/b' })
    expect((await hub.call('/topics/a%20b')).body).toMatchObject({ code: 'topic_invalid' })
  })
})
