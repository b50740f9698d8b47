import { expect, onTestFinished, test } from 'vitest'
import { createHub } from '#src/index.js'
import type { Session } from '#src/auth/session.js'
import type { TidingsEvent } from '#src/protocol/event.js'
import { readStream } from '../fixtures/stream.js'
import { root, startHub } from './server.js'

const stream = 'text/event-stream'
const problem = (topics: string[]) => ({ status: 403, body: expect.objectContaining({ code: 'forbidden', topics }) })

test('A3 [P4.16]: authorize widens and narrows, for subscribe, publish, job and admin', async () => {
  const asked: unknown[] = []
  const { call, poll } = await startHub({
    authorize: async ({ userId }, action, topic) => {
      asked.push([userId, action, topic])
      if (topic === 'report:9') return true
      if (topic === 'secret') return false
      if (action === 'job') return topic === 'job:a' ? true : undefined
      return action === 'admin' ? userId === 'boss' : undefined
    },
  })
  const plain: Session = { userId: '7' }
  expect((await poll('topic=report:9', { as: plain })).status).toBe(200)
  expect(await poll('topic=report:8&topic=report:9&topic=secret', { as: plain })).toMatchObject(
    problem(['report:8', 'secret']),
  )
  expect(await poll('topic=secret&topic=x', { as: root })).toMatchObject(problem(['secret']))
  const event = { type: 'n', data: 1 }
  expect((await call('/events', { as: plain, body: { ...event, topic: 'report:9' } })).status).toBe(201)
  expect(
    await call('/events', {
      as: root,
      body: [
        { ...event, topic: 'x' },
        { ...event, topic: 'secret' },
      ],
    }),
  ).toMatchObject(problem(['secret']))
  expect((await call('/jobs', { as: plain, body: { id: 'a', kind: 'k', owner: 'user:7' } })).status).toBe(201)
  expect(await call('/jobs', { as: plain, body: { id: 'b', kind: 'k', owner: 'user:7' } })).toMatchObject(
    problem(['job:b']),
  )
  expect((await call('/connections', { as: { userId: 'boss' } })).status).toBe(200)
  expect((await call('/connections', { as: { userId: '7', admin: true } })).status).toBe(403)
  expect(asked).toContainEqual(['7', 'subscribe', 'report:9'])
  expect(asked).toContainEqual(['boss', 'admin', null])
})

test('A3 [P4.6]: a forbidden topic and one that does not exist are refused alike', async () => {
  const { hub, call } = await startHub()
  await hub.publish({ topic: 'there', type: 'n' })
  const answers = await Promise.all(
    ['there', 'where'].map(async (topic) => {
      const { status, headers, body } = await call(`/events?topic=${topic}`, { as: { userId: '7' }, accept: stream })
      return {
        status,
        headers: [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id'),
        body: JSON.stringify(body).replaceAll(topic, 'T'),
      }
    }),
  )
  expect(answers[0]).toEqual(answers[1])
})

test('A3 [P4.16]: own topics that authorize takes away are left out, and nothing of them is sent', async () => {
  const { hub, stream: open } = await startHub({ authorize: (_, __, topic) => (topic === 'all' ? false : undefined) })
  const reader = await open({ as: { userId: '7' } })
  expect((await reader.control('hello'))?.topics).toEqual(['user:7', 'jobs:7'])
  await hub.publish({ topic: 'all', type: 'n', data: 'no' })
  await hub.publish({ topic: 'user:7', type: 'n', data: 'yes' })
  expect((await reader.next()).data).toBe('yes')
})

test('A3: an authorize that throws, answers nonsense or takes over a second refuses that action alone', async () => {
  const { call, poll, errors } = await startHub({
    authorize: (async (_: unknown, __: unknown, topic: string | null) => {
      if (topic === 'throws') throw new Error('of the application')
      if (topic === 'nonsense') return 'yes'
      if (topic === 'hangs') return await new Promise(() => undefined)
      return undefined
    }) as never,
  })
  const began = performance.now()
  for (const topic of ['throws', 'nonsense', 'hangs'])
    expect(await poll(`topic=${topic}&topic=fine`)).toMatchObject(problem([topic]))
  expect(performance.now() - began).toBeLessThan(10_000)
  expect((await poll('topic=fine')).status).toBe(200)
  expect(errors).toHaveLength(3)
  expect((await call('/events', { body: { topic: 'fine', type: 'n' } })).status).toBe(201)
})

test('A3: authorize cannot widen a token of single topics', async () => {
  const { call, hub, url } = await startHub({ authorize: () => true })
  const { token } = await hub.jobs.create({ owner: 'user:7', kind: 'k' })
  const get = async (path: string) =>
    (await fetch(url + path, { headers: { authorization: `Bearer ${token}`, accept: 'application/json' } })).status
  expect(await get('/events?topic=all')).toBe(403)
  expect(await get('/connections')).toBe(403)
  expect((await call('/topics/anything', { as: { userId: '1' } })).status).toBe(200)
})

test('A3 [P4.17]: filter holds back single events, live, replayed and polled, and the cursor passes them', async () => {
  const filter = (principal: { userId?: string }, { data }: TidingsEvent) =>
    (data as { for?: string }).for === undefined || (data as { for: string }).for === principal.userId
  const { hub, stream: open, poll } = await startHub({ filter })
  const live = await open({ as: { userId: '7' }, topics: ['all'] })
  await live.control('hello')
  for (const data of [{ n: 1 }, { n: 2, for: '8' }, { n: 3, for: '7' }, { n: 4, for: '8' }])
    await hub.publish({ topic: 'all', type: 'n', data })
  await hub.publish({ topic: 'all', type: 'n', data: { n: 5, for: '8' }, volatile: true })
  const last = await hub.publish({ topic: 'all', type: 'n', data: { n: 6 } })
  const seen = (events: readonly TidingsEvent[]) => events.map(({ data }) => (data as { n: number }).n)
  const until = await live.until(({ data }) => (data as { n: number }).n === 6)
  expect(seen(until)).toEqual([1, 3, 6])
  const replay = await open({ as: { userId: '7' }, topics: ['all'], since: 'start' })
  expect(seen(await replay.until(({ data }) => (data as { n: number }).n === 6))).toEqual([1, 3, 6])
  const { body } = await poll('topic=all&since=start', { as: { userId: '8' } })
  expect(seen(body.events)).toEqual([1, 2, 4, 6])
  expect(body.cursor).toBe(last.cursor)
  expect(hub.stats().withheld).toBe(2 + 1 + 2 + 1)
})

test('A3 [P4.17]: the state of a job passes the filter too', async () => {
  const { hub, stream: open } = await startHub({
    filter: (_, { type }) => type !== 'snapshot' && !type.startsWith('job.'),
  })
  const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'hidden' })
  const reader = await open({ as: { userId: '7' }, topics: [`job:${job.id}`, 'user:7'] })
  await reader.control('hello')
  await hub.publish({ topic: 'user:7', type: 'n', data: 1 })
  expect((await reader.next()).data).toBe(1)
  expect(reader.controls.map(({ name }) => name)).not.toContain('snapshot')
})

test('A3: a filter that throws, changes the event, promises or takes over a second denies that event to that reader alone', async () => {
  const {
    hub,
    stream: open,
    errors,
  } = await startHub({
    filter: ((principal: { userId: string }, event: TidingsEvent) => {
      if (principal.userId !== 'bad') return true
      const { how } = event.data as { how?: string }
      if (how === 'throws') throw new Error('of the application')
      if (how === 'changes') (event.data as { how: string }).how = 'changed'
      if (how === 'promises') return Promise.reject(new Error('nobody waits'))
      const began = performance.now()
      while (how === 'is slow' && performance.now() - began < 1_050);
      return true
    }) as never,
  })
  const bad = await open({ as: { userId: 'bad' }, topics: ['all'] })
  const good = await open({ as: { userId: 'good' }, topics: ['all'] })
  for (const reader of [bad, good]) await reader.control('hello')
  const hows = ['throws', 'changes', 'promises', 'is slow', 'fine']
  for (const how of hows) await hub.publish({ topic: 'all', type: 'n', data: { how } })
  const seen = async (reader: typeof bad) =>
    (await reader.until(({ data }) => (data as { how: string }).how === 'fine')).map(
      ({ data }) => (data as { how: string }).how,
    )
  expect(await seen(good)).toEqual(hows)
  expect(await seen(bad)).toEqual(['fine'])
  expect(errors).toHaveLength(4)
})

test('A3 [P4.18]: without a credential only topics declared public are read, and nothing else is done', async () => {
  const { hub, url, call } = await startHub({ anonymous: true, sessionCookies: [], publicTopics: ['news:*', 'status'] })
  const nobody = { as: null, accept: stream }
  const reader = await readStream(url, { topics: ['news:1', 'status'] })
  onTestFinished(() => reader.close())
  await reader.control('hello')
  await hub.publish({ topic: 'news:1', type: 'n', data: 1 })
  expect((await reader.next()).data).toBe(1)
  expect(await call('/events?topic=all&topic=status', nobody)).toMatchObject(problem(['all']))
  expect(await call('/events?topic=news', nobody)).toMatchObject(problem(['news']))
  expect((await call('/events', nobody)).status).toBe(400)
  expect((await call('/events?own=1&topic=status', { as: null, accept: 'application/json' })).status).toBe(200)
  expect((await call('/events', { as: null, body: { topic: 'news:1', type: 'n' } })).status).toBe(403)
  expect((await call('/tokens', { as: null, method: 'POST' })).status).toBe(401)
  expect((await call('/jobs', { as: null, body: { kind: 'k', owner: 'user:7' } })).status).toBe(403)
  expect((await call('/connections', { as: null })).status).toBe(403)
  // What is there and bad is not taken for none.
  for (const [path, headers] of [
    ['/events?topic=status', { authorization: 'Bearer x.y.z' }],
    ['/events?topic=status&token=x.y.z', {}],
  ] as const)
    expect((await call(path, { ...nobody, headers })).status).toBe(401)
  expect((await call('/topics/news:1', { as: { userId: '7' } })).status).toBe(200)
})

test('A3: contradictory rights stop the start by name', async () => {
  const authenticate = () => null
  for (const [options, field] of [
    [{ anonymous: true }, 'anonymous'],
    [{ anonymous: 'yes' }, 'anonymous'],
    [{ publicTopics: ['a*b'] }, 'publicTopics[0]'],
    [{ publicTopics: 'all' }, 'publicTopics'],
    [{ filter: true }, 'filter'],
    [{ authorize: 'no' }, 'authorize'],
    [{ longestTokenMs: 0 }, 'longestTokenMs'],
  ] as const)
    await expect(createHub({ authenticate, ...(options as object) }), field).rejects.toMatchObject({ field })
})
