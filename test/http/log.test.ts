import { expect, test } from 'vitest'
import type { Session } from '#src/auth/session.js'
import type { HubLog } from '#src/hub/log.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { startHub } from './server.js'

const admin: Session = { userId: 'boss', admin: true, subscribe: ['*'], publish: ['*'] }

interface Line {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown>
}

function recordingLog(least: 'debug' | 'info' = 'debug') {
  const lines: Line[] = []
  const write = (level: string) => (fields: object, message: string) => {
    if (least === 'info' && level === 'debug') throw new Error('A line was made that nobody wants.')
    lines.push({ level, message, fields: { ...fields } })
  }
  const log: HubLog = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    isLevelEnabled: (level) => least === 'debug' || level !== 'debug',
  }
  return { log, lines, of: (message: string) => lines.filter((line) => line.message === message) }
}

test('O4: one line when a stream opens, one when it is over with reason and totals; an event only at debug', async () => {
  const { log, of, lines } = recordingLog()
  const { publish, stream, hub, poll } = await startHub({ log })
  const reader = await stream({ as: { ...admin, sessionId: 's1' }, topics: ['news'], query: { name: 'tablet' } })
  await reader.control('hello')
  expect(of('connection opened')).toMatchObject([
    {
      level: 'info',
      fields: {
        connection: reader.connectionId,
        transport: 'sse',
        method: 'session',
        user: 'boss',
        session: 's1',
        name: 'tablet',
        topics: 1,
      },
    },
  ])
  await publish({ id: 'e1', topic: 'news', type: 'x', data: { secret: 'PLANTED' } }, admin)
  await publish({ id: 'e1', topic: 'news', type: 'x', data: { secret: 'PLANTED' } }, admin)
  await reader.next()
  expect(of('event stored')).toMatchObject([
    { level: 'debug', fields: { event: 'e1', type: 'x', topics: ['news'], seq: 1 } },
  ])
  await hub.connections.disconnect({ id: reader.connectionId as string })
  await reader.ended()
  await expect
    .poll(() => of('connection closed'))
    .toMatchObject([
      {
        level: 'info',
        fields: {
          connection: reader.connectionId,
          user: 'boss',
          reason: 'kicked',
          sent: 1,
          errors: 0,
          durationMs: expect.any(Number),
        },
      },
    ])
  await poll('topic=news&since=start', { as: admin })
  expect(of('connection opened').map(({ level }) => level)).toEqual(['info', 'debug'])
  expect(JSON.stringify(lines)).not.toContain('PLANTED')
})

test('O4: at info no line is made for events and polls', async () => {
  const { log, of } = recordingLog('info')
  const { publish, poll, errors } = await startHub({ log })
  await publish({ topic: 'news', type: 'x', data: 1 }, admin)
  await poll('topic=news&since=start', { as: admin })
  expect([of('event stored'), of('connection opened'), errors]).toEqual([[], [], []])
})

test('O4 [P12.6]: a refusal is called by the request id of its answer, and a flood of them is one line', async () => {
  const { log, of } = recordingLog()
  const { call } = await startHub({ log, clock: fakeClock() })
  const first = await call('/stats?token=PLANTED', { as: null })
  const id = first.headers.get('x-request-id')
  expect(id).toMatch(/^[\w-]{12}$/)
  expect(of('request refused')).toMatchObject([
    { fields: { request: id, method: 'GET', path: '/stats', status: 401, code: 'unauthorized' } },
  ])
  for (let more = 0; more < 20; more++) await call('/stats', { as: null })
  const given = await call('/nowhere', { headers: { 'x-request-id': 'from-my.proxy_1' } })
  expect(given.headers.get('x-request-id')).toBe('from-my.proxy_1')
  const bad = await call('/nowhere', { headers: { 'x-request-id': 'a b"c' } })
  expect(bad.headers.get('x-request-id')).toMatch(/^[\w-]{12}$/)
  expect(of('request refused').map(({ fields }) => fields['code'])).toEqual(['unauthorized', 'not_found'])
  expect(JSON.stringify(of('request refused'))).not.toContain('PLANTED')
})

test('O4: the end of a flood of refusals is told too, within ten seconds and when the hub closes, with one timer for all', async () => {
  const { log, of } = recordingLog()
  const clock = fakeClock()
  const { call, hub } = await startHub({ log, clock })
  const before = clock.pending
  const refuse = async (code: 'unauthorized' | 'not_found', times: number): Promise<void> => {
    for (let time = 0; time < times; time++) await (code === 'not_found' ? call('/x') : call('/stats', { as: null }))
  }
  await refuse('unauthorized', 5)
  await clock.advance(4_000)
  await refuse('not_found', 3)
  expect(clock.pending).toBe(before + 1)
  expect(of('requests refused')).toEqual([])
  await clock.advance(6_000)
  const sums = () => of('requests refused').map(({ fields }) => fields)
  expect(sums()).toEqual([{ status: 401, code: 'unauthorized', more: 4 }])
  await clock.advance(4_000)
  expect(sums().slice(1)).toEqual([{ status: 404, code: 'not_found', more: 2 }])
  expect(clock.pending).toBe(before)
  await clock.advance(20_000)
  await refuse('unauthorized', 3)
  expect(of('request refused')).toHaveLength(3)
  await hub.close({ drainMs: 0 })
  expect(sums().slice(2)).toEqual([{ status: 401, code: 'unauthorized', more: 2 }])
})

test('O4: a log that is none is refused by name', async () => {
  await expect(startHub({ log: {} as HubLog })).rejects.toMatchObject({ code: 'option_invalid', field: 'log' })
})
