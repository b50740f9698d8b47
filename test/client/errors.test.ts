import { expect, onTestFinished, test } from 'vitest'
import type { ClientError } from '#src/client/error.js'
import { type ClientOptions, createClient } from '#src/client/index.js'
// Loaded here, so that with time standing still the client has them at once.
import '#src/client/history.js'
import '#src/client/poll.js'
import '#src/client/refusal.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { FakeHub } from './fake-hub.js'
import type { Fault } from './fake-network.js'

/** A client that has had trouble: what `onError` heard, and what nobody caught. */
async function setUp(options: Partial<ClientOptions> = {}) {
  const clock = fakeClock()
  const hub = new FakeHub(clock, seededRandom(1))
  const client = createClient({ url: 'http://hub.test', fetch: hub.fetch, clock, random: seededRandom(2), ...options })
  const errors: ClientError[] = []
  client.onError((error) => errors.push(error))
  const lost: unknown[] = []
  const note = (error: unknown): void => void lost.push(error)
  process.on('unhandledRejection', note)
  process.on('uncaughtException', note)
  onTestFinished(async () => {
    client.close()
    await new Promise(setImmediate)
    process.off('unhandledRejection', note)
    process.off('uncaughtException', note)
    expect(lost, 'nothing is thrown into the void').toEqual([])
  })
  const faults: Fault[] = []
  hub.fault = () => faults.shift() ?? {}
  return { clock, hub, client, errors, faults, kinds: () => errors.map(({ kind }) => kind) }
}

test.each<[Fault, string, string]>([
  [{ refuse: 'network' }, 'connection', 'connected'],
  [{ refuse: 'portal' }, 'connection', 'connected'],
  [{ refuse: 429 }, 'rate_limit', 'connected'],
  [{ refuse: 408 }, 'timeout', 'connected'],
  [{ refuse: 503 }, 'server', 'connected'],
  [{ refuse: 400 }, 'validation', 'idle'],
  [{ refuse: 403 }, 'authentication', 'idle'],
])('C5: %o is told once, as %s; then the client is %s', async (fault, kind, status) => {
  const { clock, client, faults, kinds } = await setUp()
  faults.push(fault)
  client.subscribe('a', {})
  await clock.advance(40_000)
  expect(kinds()).toEqual([kind])
  expect(client.status.getSnapshot().status).toBe(status)
})

test('C5: 401 is answered by a fresh token, which is no error; refused again it is told once, and connect() goes on', async () => {
  const { clock, client, faults, kinds } = await setUp({ getToken: ({ refresh }) => `${refresh}` })
  faults.push({ refuse: 401 })
  client.subscribe('a', {})
  await clock.advance(0)
  expect(kinds()).toEqual([])
  expect(client.status.getSnapshot().status).toBe('connected')
  client.reconnect()
  faults.push({ refuse: 401 }, { refuse: 401 })
  await clock.advance(60_000)
  expect(kinds()).toEqual(['authentication'])
  expect(client.status.getSnapshot().status).toBe('idle')
  client.connect()
  await clock.advance(0)
  expect(client.status.getSnapshot().status).toBe('connected')
})

test('C5: silence is told once each time it costs a stream', async () => {
  const { clock, client, faults, kinds } = await setUp({ transport: 'sse' })
  faults.push({ refuse: 'silence' }, { bytes: 260, ending: 'silence' })
  client.subscribe('a', {})
  await clock.advance(100_000)
  expect(kinds()).toEqual(['timeout', 'timeout'])
})

test('C5: handlers that throw, at once and later, in every place where one can be given, are told once each and stop nothing', async () => {
  const { clock, hub, client, errors, kinds } = await setUp()
  const got: unknown[] = []
  const broken = (): never => {
    throw new Error('mine')
  }
  client.subscribe('a', { x: broken, '*': (event) => got.push(event.data) }, { onGap: broken })
  client.subscribe('a', { x: () => Promise.reject(new Error('later')) })
  client.subscribe('a', { x: broken }, { since: 'start' })
  client.subscribe('b', {}, { onError: broken })
  client.onError(broken)
  const { error } = console
  const shown: unknown[] = []
  console.error = (what: unknown) => shown.push(what)
  onTestFinished(() => void (console.error = error))
  hub.forbidden.add('b')
  await clock.advance(0)
  expect(kinds()).toEqual(['client'])
  hub.publish('a', 'x', 1)
  await clock.advance(0)
  hub.say('gap', { reason: 'lost', cursor: hub.head })
  await clock.advance(100)
  hub.publish('a', 'x', 2)
  await clock.advance(100)
  expect(got).toEqual([1, 2])
  // The refusal, three for each event, and the gap; what onError itself throws is shown, for nobody is left to tell.
  expect(kinds()).toEqual(Array.from({ length: 8 }, () => 'client'))
  expect(new Set(errors).size).toBe(8)
  expect(shown).toHaveLength(8)
  expect(client.status.getSnapshot().status).toBe('connected')
})

test('C5: what is no JSON, and an event that nobody asked for, are told once and passed over', async () => {
  const { clock, hub, client, kinds } = await setUp()
  const got: unknown[] = []
  client.subscribe('a', { '*': (event) => got.push(event.data) })
  await clock.advance(0)
  hub.say('x', { ...hub.publish('z'), topic: 'z' })
  await clock.advance(0)
  expect(kinds()).toEqual(['server'])
  hub.publish('a', 'x', 'after')
  await clock.advance(0)
  expect(got).toEqual(['after'])
  expect(kinds()).toHaveLength(1)
})

test('C1, C5: history that cannot be read is tried again, each failure told once; refused, its subscription hears it and is over', async () => {
  const { clock, hub, client, errors, faults, kinds } = await setUp()
  for (let n = 0; n < 10; n++) hub.publish('a', 'x', n)
  client.subscribe('other', {})
  client.subscribe('a', {})
  await clock.advance(0)
  faults.push({ refuse: 'network' }, { refuse: 503 }, { refuse: 401 })
  const got: unknown[] = []
  client.subscribe('a', { '*': (event) => got.push(event.data) }, { since: 'start' })
  await clock.advance(20_000)
  expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(kinds()).toEqual(['connection', 'server'])
  const refused: ClientError[] = []
  faults.push({ refuse: 400 })
  client.subscribe('a', {}, { since: 'soon', onError: (error) => refused.push(error) })
  await clock.advance(1_000)
  expect(refused).toMatchObject([{ kind: 'validation', topics: ['a'] }])
  expect(errors).toHaveLength(2)
  expect(hub.requests.filter(({ since }) => since === 'soon')).toHaveLength(1)
})

test('C1: what the stream tells while a poll of history is on its way back comes after it, once', async () => {
  const { clock, hub, client, faults } = await setUp()
  for (let n = 0; n < 2; n++) hub.publish('a', 'x', n)
  client.subscribe('a', {})
  await clock.advance(0)
  faults.push({ lateMs: 2_000 })
  const got: unknown[] = []
  client.subscribe('a', { '*': (event) => got.push(event.data) }, { since: 'start' })
  await clock.advance(500)
  hub.publish('a', 'x', 2)
  await clock.advance(1_000)
  hub.publish('a', 'x', 3)
  await clock.advance(100)
  expect(got).toEqual([])
  await clock.advance(1_000)
  expect(got).toEqual([0, 1, 2, 3])
})
