import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { memoryStore } from '#src/index.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { headersOf, root, startHub } from './server.js'

const note = (data: unknown = null, topic = 'news') => ({ topic, type: 'note', data })

describe('limits of names and sizes', () => {
  const cases: [string, unknown, string, string][] = [
    ['[P1.1] white space in a topic', { topic: 'user: 7', type: 'note' }, 'topic_invalid', 'topic'],
    ['[P1.2] a user topic without a user', { topic: 'user:', type: 'note' }, 'topic_invalid', 'topic'],
    ['[P1.1] one bad topic of several', { topics: ['a', 'b*'], type: 'note' }, 'topic_invalid', 'topics[1]'],
    ['[P1.3] a user id with a brace', { to: { users: ['7', 'a{b'] }, type: 'note' }, 'id_invalid', 'to.users[1]'],
    ['[P1.5] no type', { topic: 'a' }, 'type_invalid', 'type'],
    ['[P1.5] a type with a line end', { topic: 'a', type: 'a\nb' }, 'type_invalid', 'type'],
    ['[P1.6] a type of the protocol', { topic: 'a', type: 'hello' }, 'type_reserved', 'type'],
    ['[P1.6] a type of jobs', { topic: 'a', type: 'job.completed' }, 'type_reserved', 'type'],
    ['[P1.7] a topic of a job', { topic: 'job:1', type: 'note' }, 'topic_reserved', 'topic'],
    ['[P1.7] a list of jobs', { topics: ['a', 'jobs:7'], type: 'note' }, 'topic_reserved', 'topic'],
    ['[P1.8] an empty id', { ...note(), id: '' }, 'id_invalid', 'id'],
    ['[P1.8] an id with a NUL', { ...note(), id: 'a\0' }, 'id_invalid', 'id'],
    [
      '[P1.10] 101 topics',
      { topics: Array.from({ length: 101 }, (_, n) => `t${n}`), type: 'note' },
      'event_invalid',
      'topics',
    ],
    ['[P1.13] an empty batch', [], 'event_invalid', 'body'],
    [
      '[P1.13] 5,001 topics',
      Array.from({ length: 51 }, (_, at) => ({
        topics: Array.from({ length: at < 50 ? 100 : 1 }, (_, nth) => `t${nth}`),
        type: 'x',
      })),
      'event_invalid',
      'body',
    ],
    ['[P1.13] 1,001 events', Array.from({ length: 1_001 }, () => note()), 'event_invalid', 'body'],
    ['[P12.1] the second of a batch', [note(), { ...note(), type: '' }], 'type_invalid', '[1].type'],
    ['[P9.9] a member nobody knows', { ...note(), prioritiy: 'high' }, 'event_invalid', 'prioritiy'],
    ['a priority nobody knows', { ...note(), priority: 'urgent' }, 'event_invalid', 'priority'],
    ['two ways to address', { ...note(), to: { all: true } }, 'event_invalid', 'topic'],
    ['nobody addressed', { type: 'note' }, 'event_invalid', 'topic'],
    ['metadata that is no object', { ...note(), metadata: [1] }, 'event_invalid', 'metadata'],
  ]

  test('[P1.1, P1.2, P1.3, P1.5, P1.6, P1.7, P1.8, P1.10, P1.13, P9.9] bad events are refused by code and field, and nothing is stored', async () => {
    const hub = await startHub()
    for (const [name, body, code, field] of cases) {
      const answer = await hub.publish(body)
      expect([name, answer.status, answer.body]).toEqual([
        name,
        400,
        expect.objectContaining({ code, field, status: 400 }),
      ])
    }
    expect((await hub.call('/topics/news')).body).toMatchObject({ count: 0, last: null })
    expect((await hub.poll('topic=news&topic=a&since=start')).body.events).toEqual([])
  })

  test('[P1.9] 100 topics are a stream, 101 are refused', async () => {
    const hub = await startHub()
    const topics = (count: number): string => Array.from({ length: count }, (_, n) => `topic=t${n}`).join('&')
    expect((await hub.poll(topics(100))).status).toBe(200)
    const refused = await hub.poll(topics(101))
    expect([refused.status, refused.body]).toEqual([
      400,
      expect.objectContaining({ code: 'query_invalid', field: 'topic' }),
    ])
  })

  test('[P1.10] 100 topics are taken', async () => {
    const hub = await startHub()
    expect((await hub.publish({ topics: Array.from({ length: 100 }, (_, n) => `t${n}`), type: 'note' })).status).toBe(
      201,
    )
  })

  test('[P1.11] data of 64 KiB as JSON is taken, one byte more is 413', async () => {
    const hub = await startHub()
    const full = 'x'.repeat(64 * 1024 - 2)
    expect((await hub.publish(note(full))).status).toBe(201)
    const refused = await hub.publish(note(`${full}x`))
    expect([refused.status, refused.body]).toEqual([
      413,
      expect.objectContaining({ code: 'data_too_large', field: 'data' }),
    ])
    // Counted in bytes, not in characters.
    expect((await hub.publish(note('é'.repeat(32 * 1024)))).status).toBe(413)
  })

  test('[P1.12] a body of over 1 MiB is 413, also when its length was not announced', async () => {
    const hub = await startHub()
    const body = `[${JSON.stringify(note('x'.repeat(60_000)))},`.padEnd(1024 * 1024 + 1, ' ')
    expect((await hub.publish(body)).body).toMatchObject({ code: 'body_too_large', status: 413 })
    const socket = connect({ port: hub.port, host: '127.0.0.1' })
    const session = headersOf(root)['x-session']
    socket.write(
      `POST /events HTTP/1.1\r\nhost: x\r\nx-session: ${session}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
    )
    for (let part = 0; part < 17; part++) socket.write(`10000\r\n${' '.repeat(0x10000)}\r\n`)
    const [head] = (await once(socket, 'data')) as [Buffer]
    expect(head.toString()).toMatch(/^HTTP\/1.1 413/)
    socket.destroy()
  })
})

describe('answers to a publish', () => {
  test('[P9.1] one event: 201 with its id and its cursor', async () => {
    const hub = await startHub()
    const first = await hub.publish(note(1))
    expect(first).toMatchObject({ status: 201, body: { id: expect.stringMatching(/^[0-9a-f-]{36}$/) } })
    const second = await hub.publish({ ...note(2), id: 'mine' })
    expect(second).toMatchObject({ status: 201, body: { id: 'mine' } })
    const { events } = (await hub.poll(`topic=news&since=${first.body.cursor}`)).body
    expect(events).toMatchObject([{ id: 'mine', data: 2 }])
    expect(second.body.cursor).toBe(`${first.body.cursor.split('.')[0]}.${events[0]?.seq}`)
  })

  test('[P9.2] an array: all stored, answered in its order; or nothing', async () => {
    const hub = await startHub()
    const stored = await hub.call<{ id: string; cursor: string }[]>('/events', {
      body: [1, 2, 3].map((n) => ({ ...note(n), id: `n${n}` })),
    })
    expect([stored.status, stored.body.map((answer) => answer.id)]).toEqual([201, ['n1', 'n2', 'n3']])
    expect(
      (
        await hub.publish([
          { ...note(4), id: 'n4' },
          { ...note('other'), id: 'n1' },
        ])
      ).status,
    ).toBe(422)
    const { events } = (await hub.poll('topic=news&since=start')).body
    expect(events.map((event) => event.data)).toEqual([1, 2, 3])
    expect(stored.body.map((answer) => answer.cursor.split('.')[1])).toEqual(events.map((event) => String(event.seq)))
  })

  test('[P9.3] `to` is one event for every user, role and session named, and for all', async () => {
    const hub = await startHub()
    const everyone = await hub.stream({ topics: ['user:7', 'user:8', 'role:A', 'session:s', 'all'] })
    const user = await hub.stream({ as: { userId: '8', roles: ['A'] } })
    await hub.publish({ to: { users: ['7', '8'], roles: ['A'], sessions: ['s'], all: true }, type: 'note', data: 1 })
    expect(await everyone.next()).toMatchObject({ topics: ['user:7', 'user:8', 'role:A', 'session:s', 'all'] })
    expect(await user.next()).toMatchObject({ topic: 'user:8', topics: ['user:8', 'role:A', 'all'] })
    await hub.publish(note('end', 'all'))
    expect((await everyone.next()).data).toBe('end')
  })

  test('[P9.4] without a grant for each topic: 403 naming those, before anything is said of ids', async () => {
    const hub = await startHub()
    await hub.publish({ topics: ['a', 'b'], type: 'note', id: 'known' })
    const writer = { userId: '7', publish: ['a', 'c:*'] }
    for (const id of ['known', 'new']) {
      const refused = await hub.publish({ topics: ['a', 'b', 'c:1', 'd'], type: 'note', id }, writer)
      expect([refused.status, refused.body]).toEqual([
        403,
        expect.objectContaining({ code: 'forbidden', topics: ['b', 'd'] }),
      ])
    }
    expect((await hub.publish({ topics: ['a', 'c:1'], type: 'note' }, writer)).status).toBe(201)
    // What people may read they may not therefore write.
    expect((await hub.publish({ topic: 'user:7', type: 'note' }, { userId: '7' })).status).toBe(403)
  })

  test('[P9.5, P9.7] the same id and content again stores nothing and gets the first answer, 200', async () => {
    const hub = await startHub()
    const event = { ...note({ a: [1, 2] }), id: 'once' }
    const first = await hub.publish(event)
    const again = await hub.publish(event)
    expect([again.status, again.body]).toEqual([200, expect.objectContaining(first.body)])
    const batch = await hub.call('/events', { body: [event, { ...note(2), id: 'two' }] })
    expect([batch.status, batch.body]).toEqual([
      201,
      [
        { ...first.body, duplicate: true },
        { id: 'two', cursor: expect.any(String) },
      ],
    ])
    expect((await hub.call('/events', { body: [event, { ...note(2), id: 'two' }] })).status).toBe(200)
    expect((await hub.poll('topic=news&since=start')).body.events.map((stored) => stored.id)).toEqual(['once', 'two'])
  })

  test('[P9.5] twenty publishers at once with one id store one event and hear one cursor', async () => {
    const hub = await startHub()
    const answers = await Promise.all(Array.from({ length: 20 }, () => hub.publish({ ...note(1), id: 'race' })))
    expect(new Set(answers.map((answer) => answer.body.cursor)).size).toBe(1)
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1)
  })

  test('[P9.6] the same id with other content is 422, and nothing of the request is stored', async () => {
    const hub = await startHub()
    await hub.publish({ ...note(1), id: 'mine' })
    for (const other of [
      note(2),
      note(1, 'elsewhere'),
      { ...note(1), type: 'other' },
      { ...note(1), priority: 'high' },
    ]) {
      const refused = await hub.publish([note('with it'), { ...other, id: 'mine' }])
      expect([refused.status, refused.body]).toEqual([422, expect.objectContaining({ code: 'id_reused' })])
    }
    expect((await hub.poll('topic=news&topic=elsewhere&since=start')).body.events).toHaveLength(1)
  })

  test('[P9.8] a body that is not JSON in UTF-8 is 400, another media type 415', async () => {
    const hub = await startHub()
    for (const body of ['', '{', 'null x', '"\\ud800', 'undefined']) {
      expect((await hub.publish(body)).body).toMatchObject({ status: 400, code: 'body_invalid' })
    }
    const send = async (body: BodyInit, type: string) => {
      const response = await fetch(`${hub.url}/events`, {
        method: 'POST',
        body,
        headers: { ...headersOf(root), 'content-type': type },
      })
      return response.json()
    }
    const latin1 = Buffer.from('{"topic":"a","type":"é"}', 'latin1')
    expect(await send(latin1, 'application/json')).toMatchObject({ status: 400, code: 'body_invalid' })
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
      expect(await send(JSON.stringify(note()), type)).toMatchObject({ status: 415, code: 'content_type_invalid' })
    }
    expect(await send(JSON.stringify(note()), 'application/json; charset=utf-8')).toHaveProperty('cursor')
    for (const body of [null, 7, 'text', [7], [[note()]]])
      expect((await hub.publish(JSON.stringify(body))).status).toBe(400)
  })

  test('[P9.10] beyond the quota: 507, nothing is removed, and jobs still end', async () => {
    const hub = await startHub({ store: memoryStore({ quotaBytes: 20_000 }) })
    const { body: created } = await hub.call<{ job: { id: string } }>('/jobs', { body: { owner: 'user:7', kind: 'k' } })
    let refused = await hub.publish(note('x'.repeat(1_000)))
    for (let n = 0; n < 40 && refused.status === 201; n++) refused = await hub.publish(note('x'.repeat(1_000)))
    expect([refused.status, refused.body]).toEqual([507, expect.objectContaining({ code: 'quota' })])
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    const before = (await hub.call('/topics/news')).body
    expect((await hub.publish(note('x'.repeat(1_000)))).status).toBe(507)
    expect((await hub.call('/topics/news')).body).toEqual(before)
    expect((await hub.call(`/jobs/${created.job.id}/complete`, { body: {} })).body).toMatchObject({
      accepted: true,
      job: { status: 'completed' },
    })
  })

  test('[P9.11] a volatile event is answered without a cursor, and is not kept', async () => {
    const hub = await startHub()
    expect((await hub.publish({ ...note(1), volatile: true })).body).toEqual({ id: expect.any(String), cursor: null })
    expect((await hub.poll('topic=news&since=start')).body.events).toEqual([])
  })
})

describe('the envelope over HTTP', () => {
  test('[P2.2] data and metadata arrive as they were sent', async () => {
    const hub = await startHub()
    const sent =
      '{"__proto__":{"x":1},"constructor":null,"s":"\\u2028\\r\\n\\u0000\\ud83d","n":[1.5e300,-0.1,true,null],"":{"😀":"é"}}'
    await hub.publish(`{"topic":"news","type":"note","data":${sent},"metadata":{"own":${sent},"correlationId":"c"}}`)
    const response = await fetch(`${hub.url}/events?topic=news&since=start`, {
      headers: { ...headersOf(root), accept: 'application/json' },
    })
    const [event] = JSON.parse(await response.text()).events
    expect(JSON.stringify(event.data)).toBe(JSON.stringify(JSON.parse(sent)))
    expect(JSON.stringify(event.metadata.own)).toBe(JSON.stringify(JSON.parse(sent)))
    expect(event.metadata.correlationId).toBe('c')
  })

  test('[P2.5] timestamps do not fall when the clock does', async () => {
    const clock = fakeClock()
    const hub = await startHub({ clock, store: memoryStore({ clock }) })
    for (const jump of [0, -3_600_000, 500, -1, 7_200_000, -7_200_000]) {
      clock.jump(jump)
      await hub.publish(note(jump))
    }
    const times = (await hub.poll('topic=news&since=start')).body.events.map((event) => event.timestamp)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times).toHaveLength(6)
  })

  test('[P3.2] numbers rise through all topics of a namespace, and each is used once', async () => {
    const hub = await startHub()
    await Promise.all(Array.from({ length: 60 }, (_, n) => hub.publish(note(n, `t${n % 3}`))))
    const seqs = (await hub.poll('topic=t0&topic=t1&topic=t2&since=start')).body.events.map((event) => event.seq ?? 0)
    expect(seqs).toHaveLength(60)
    expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b))
  })
})
