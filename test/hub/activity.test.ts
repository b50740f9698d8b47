import { expect, test } from 'vitest'
import { Activity } from '#src/hub/activity.js'
import { memoryStore } from '#src/index.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { connect, coreOver, TestOutlet } from './core.js'

test('O2: a connection is connecting before hello, connected, idle after a minute without an event, disconnecting after bye', () => {
  const activity = new Activity(1_000.7)
  expect(activity.stateAt(1_500, null)).toEqual({ state: 'connecting', sinceMs: 1_000 })
  activity.greet(2_000)
  expect(activity.stateAt(2_100, null)).toEqual({ state: 'connected', sinceMs: 2_000 })
  activity.sentEvent(30_000, 'a')
  expect(activity.stateAt(89_999, null)).toEqual({ state: 'connected', sinceMs: 30_000 })
  expect(activity.stateAt(90_000, null)).toEqual({ state: 'idle', sinceMs: 90_000 })
  // A ping is no event.
  activity.wrote(95_000)
  expect(activity.stateAt(96_000, null)).toEqual({ state: 'idle', sinceMs: 90_000 })
  activity.sentEvent(97_000, 'a')
  expect(activity.stateAt(97_000, null).state).toBe('connected')
  activity.end('kicked', 98_000)
  expect(activity.stateAt(99_000, 1)).toEqual({ state: 'disconnecting', sinceMs: 98_000 })
})

test('O2: bytes that have been waiting for more than ten seconds make it stale, idle or not', () => {
  const activity = new Activity(0)
  activity.greet(0)
  expect(activity.stateAt(10_000, 0).state).toBe('connected')
  expect(activity.stateAt(10_001, 0)).toEqual({ state: 'stale', sinceMs: 10_000 })
  expect(activity.stateAt(70_000, 0).state).toBe('stale')
  expect(activity.stateAt(70_000, null).state).toBe('idle')
})

test('O2: the time of deliveries is coarse, and never goes back behind an exact one', () => {
  const activity = new Activity(1_000)
  activity.greet(1_400)
  activity.sentEvent(1_000, 'a')
  expect(activity).toMatchObject({ eventMs: 1_400, writeMs: 1_400, events: 1 })
})

test('O2: a reader that takes nothing is stale after ten seconds and ended by a filter of that state', async () => {
  const clock = fakeClock()
  const core = await coreOver(memoryStore({ clock }), { heartbeatMs: 60_000 }, { clock })
  const reader = { method: 'session', roles: [], admin: false, userId: '7' }
  const slow = new TestOutlet()
  await connect(core, { topics: ['a'], reader }, slow)
  const { outlet: quick } = await connect(core, { topics: ['a'], reader: { ...reader, userId: '8' } })
  slow.open = false
  await core.publish('default', [{ topic: 'a', type: 'n', data: 'x' }], false)
  await slow.until(() => slow.events().length === 1)
  const stale = async () => (await core.control.list('default', { state: 'stale' })).connections.map(({ user }) => user)
  expect(await stale()).toEqual([])
  await clock.advance(21_000)
  expect(await stale()).toEqual(['7'])
  expect(await core.control.disconnect('default', { state: 'stale' }, 'asleep')).toEqual({ closed: 1 })
  expect(slow.seen.at(-1)).toMatchObject({ name: 'bye', payload: { reason: 'kicked', reconnect: true } })
  expect(quick.ended).toBe(false)
  expect((await core.control.closed('default', {})).connections).toMatchObject([
    { user: '7', reason: 'kicked', note: 'asleep', state: 'closed' },
  ])
  await core.close(0)
})

test('O2: of all that closed the last 1,000 are kept', async () => {
  const core = await coreOver()
  const reader = { method: 'session', roles: [], admin: false }
  for (let n = 0; n < 1_010; n++) {
    const { connection } = await connect(core, { topics: ['a'], reader: { ...reader, userId: `u${n}` } })
    connection?.gone()
  }
  const { connections } = await core.control.closed('default', {}, { limit: 1_000 })
  expect(connections).toHaveLength(1_000)
  expect(new Set(connections.map(({ user }) => user)).has('u9')).toBe(false)
  expect(connections.map(({ user }) => user)).toContain('u10')
  await core.close(0)
})
