import { expect, test } from 'vitest'
import type { Session } from '#src/auth/session.js'
import type { ActivityEntry } from '#src/hub/activity-log.js'
import { root, startHub, type TestHub } from './server.js'

const admin: Session = { userId: 'boss', admin: true, publish: ['*'], subscribe: ['*'] }

const entries = async ({ call }: TestHub, query = '') =>
  (await call<{ entries: ActivityEntry[] }>(`/activity${query}`, { as: admin })).body.entries

test('O1 [P11.20]: the activity log tells who came, who went and why, what was refused and what failed', async () => {
  const hub = await startHub()
  const { call, stream, hub: own } = hub
  const reader = await stream({ as: { userId: '7', sessionId: 's' }, topics: ['user:7', 'all'] })
  const { connectionId } = await reader.control('hello')
  await call(`/connections/${connectionId}?reason=asked%20for`, { as: admin, method: 'DELETE' })
  await reader.ended()
  await call('/topics/secret:1?token=planted', { as: { userId: '7' } })
  own.internals.core.onError(new Error('redis://user:planted@host refused'), 'sweep')
  const found = await entries(hub)
  expect(found.map(({ kind }) => kind).sort()).toEqual(['closed', 'connected', 'error', 'refused'])
  const of = (kind: string) => found.find((entry) => entry.kind === kind)
  expect(of('connected')).toMatchObject({
    connection: connectionId,
    user: '7',
    session: 's',
    returned: false,
    topicCount: 2,
  })
  expect(of('closed')).toMatchObject({ connection: connectionId, reason: 'kicked', note: 'asked for', sent: 0 })
  expect(of('refused')).toMatchObject({
    code: 'forbidden',
    status: 403,
    method: 'GET',
    path: '/topics/secret:1',
    count: 1,
  })
  expect(of('error')).toMatchObject({ stage: 'sweep', code: 'internal', count: 1 })
  expect(JSON.stringify(found)).not.toContain('planted')
  const times = found.map(({ at }) => at)
  expect(times).toEqual(times.toSorted((a, b) => b - a))
})

test('O1 [P11.20]: what is refused the same way again is one entry with a count, and a flood leaves the other kinds alone', async () => {
  const hub = await startHub()
  const { call, stream } = hub
  await (await stream({ topics: ['news'] })).control('hello')
  for (let time = 0; time < 3; time++) await call('/connections', { as: root })
  expect(await entries(hub, '?kind=refused')).toMatchObject([{ path: '/connections', count: 3 }])
  for (let number = 0; number < 1_100; number++) await call(`/nothing/${number}`, { as: root })
  const refused = await entries(hub, '?kind=refused&limit=1000')
  expect(refused.length).toBe(1_000)
  expect(refused[0]).toMatchObject({ code: 'not_found', path: '/nothing/1099' })
  expect(await entries(hub, '?kind=connected')).toHaveLength(1)
  expect(await entries(hub, '?limit=5')).toHaveLength(5)
})

test('O1 [P11.5, P11.18, P11.20]: connects are of the own namespace, refusals and errors for admins of the namespace default', async () => {
  const hub = await startHub()
  const { call, stream } = hub
  const stranger = { ...admin, namespace: 'other' }
  await (await stream({ as: { userId: '7' }, topics: ['user:7'] })).control('hello')
  await (await stream({ as: { userId: '8', namespace: 'other' }, topics: ['user:8'] })).control('hello')
  await call('/nothing', { as: stranger })
  const theirs = await call<{ entries: object[] }>('/activity', { as: stranger })
  expect(theirs.body.entries).toMatchObject([{ kind: 'connected', user: '8', namespace: 'other' }])
  for (const kind of ['refused', 'error']) {
    const refused = await call(`/activity?kind=${kind}`, { as: stranger })
    expect([refused.status, refused.body['code']]).toEqual([403, 'forbidden'])
  }
  expect((await entries(hub)).flatMap((entry) => ('user' in entry ? [entry.user] : []))).toEqual(['7'])
  for (const field of ['kind', 'limit']) {
    const wrong = await call(`/activity?${field}=0`, { as: admin })
    expect([wrong.status, wrong.body['field']]).toEqual([400, field])
  }
})
