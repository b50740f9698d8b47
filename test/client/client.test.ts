import { describe, expect, onTestFinished, test } from 'vitest'
import type { EnvironmentNews } from '#src/client/environment.js'
import { type ClientOptions, createClient } from '#src/client/index.js'
// Loaded here, so that with time standing still the client has it at once.
import '#src/client/jobs.js'
import '#src/client/poll.js'
import '#src/client/history.js'
import '#src/client/refusal.js'
import type { Job } from '#src/protocol/job.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import { FakeHub } from './fake-hub.js'

/** A client and a hub in memory, with time that stands still. */
function setUp(options: Partial<ClientOptions> = {}) {
  const clock = fakeClock()
  const random = seededRandom(1)
  const hub = new FakeHub(clock, random)
  let tell = (_news: EnvironmentNews): void => {}
  const environment = {
    watch: (listener: (news: EnvironmentNews) => void) => {
      tell = listener
      return () => void (tell = () => {})
    },
  }
  const client = createClient({ url: 'http://hub.test/', fetch: hub.fetch, clock, random, environment, ...options })
  onTestFinished(() => client.close())
  const errors: string[] = []
  client.onError((error) => errors.push(error.kind))
  return { clock, hub, client, errors, tell: (news: EnvironmentNews) => tell(news) }
}

const job = (version: number, more: Partial<Job> = {}): Job => ({
  id: '42',
  kind: 'crawl',
  owner: 'user:7',
  status: 'running',
  counters: {},
  total: null,
  percent: version,
  stage: null,
  message: null,
  current: null,
  attempt: 1,
  attempts: 1,
  version,
  createdAt: 1,
  startedAt: 1,
  endedAt: null,
  ...more,
})

describe('requests', () => {
  test('C1: a topic, the client’s id of 128 bits and no cursor at first; then the cursor as Last-Event-ID', async () => {
    const { clock, hub, client } = setUp()
    client.subscribe('a', {})
    await clock.advance(0)
    expect(hub.requests).toMatchObject([{ topics: ['a'], own: false, cursor: null, token: null }])
    expect(hub.requests[0]?.client?.split('-')).toHaveLength(16)
    hub.publish('a')
    await clock.advance(0)
    hub.cut()
    await clock.advance(30_000)
    expect(hub.requests[1]).toMatchObject({ topics: ['a'], cursor: 'e1.1', client: hub.requests[0]?.client })
  })

  test('C1: on() asks for the person’s own topics, beside the named ones, on one connection', async () => {
    const { clock, hub, client } = setUp()
    hub.ownTopics = ['user:7', 'all']
    const got: string[] = []
    client.on('notification', (event) => got.push(`on ${event.data}`))
    client.subscribe('report:9', { '*': (event) => got.push(`report ${event.data}`) })
    await clock.advance(0)
    expect(hub.requests).toMatchObject([{ topics: ['report:9'], own: true }])
    hub.publish(['user:7', 'all'], 'notification', 'hello')
    hub.publish('report:9', 'notification', 'rows')
    hub.publish('user:7', 'other', 'x')
    await clock.advance(0)
    expect(got).toEqual(['on hello', 'report rows'])
    expect(hub.open).toBe(1)
  })

  test('C5: a 401 asks getToken for a fresh one; it is asked anew at each connect', async () => {
    const asked: boolean[] = []
    const { clock, hub, client } = setUp({
      getToken: async ({ refresh }) => {
        asked.push(refresh)
        return `t${asked.length}`
      },
    })
    const faults = [{ refuse: 401 }]
    hub.fault = () => faults.shift() ?? {}
    client.subscribe('a', {})
    await clock.advance(0)
    expect(asked).toEqual([false, true])
    expect(hub.requests.map(({ token }) => token)).toEqual(['Bearer t1', 'Bearer t2'])
    expect(client.status.getSnapshot()).toMatchObject({ status: 'connected', error: null })
  })

  test('C5: getToken that fails is connection trouble, and tried again', async () => {
    let works = false
    const { clock, hub, client, errors } = setUp({
      getToken: () => {
        if (!works) throw new Error('no sign-in today')
        return 't'
      },
    })
    client.subscribe('a', {})
    await clock.advance(0)
    expect(hub.requests).toEqual([])
    expect(errors).toEqual(['connection'])
    works = true
    await clock.advance(1_000)
    expect(client.status.getSnapshot().status).toBe('connected')
  })

  test('C2: `cursor` continues where an earlier client stood', async () => {
    const { clock, hub, client } = setUp({ cursor: 'e1.1' })
    hub.publish('a')
    hub.publish('a')
    const got: (number | undefined)[] = []
    client.subscribe('a', { '*': ({ seq }) => got.push(seq) })
    await clock.advance(0)
    expect(got).toEqual([2])
    expect(client.status.getSnapshot().cursor).toBe('e1.2')
  })

  test('A3: a forbidden topic tells its subscription, and the others are connected', async () => {
    const { clock, hub, client, errors } = setUp()
    hub.forbidden.add('secret')
    const refused: string[] = []
    client.subscribe('secret', {}, { onError: ({ kind, code }) => refused.push(`${kind} ${code}`) })
    client.subscribe('a', {})
    await clock.advance(0)
    expect(refused).toEqual(['authentication forbidden'])
    expect(errors).toEqual([])
    expect(hub.requests.at(-1)?.topics).toEqual(['a'])
    expect(client.status.getSnapshot().status).toBe('connected')
  })
})

describe('what counts as a stream', () => {
  test.each([
    ['text/event-stream', 'connected'],
    ['text/event-stream;charset=utf-8', 'connected'],
    ['Text/Event-Stream ; charset=latin1', 'connected'],
    ['text/event-stream;', 'connected'],
    ['text/event-stream bogus', 'waiting'],
    ['text/event-streams', 'waiting'],
    ['text/html', 'waiting'],
    ['', 'waiting'],
  ])('WHATWG: 200 with Content-Type "%s" is %s', async (type, status) => {
    const body = 'id: e1.0\nevent: hello\ndata: {"connectionId":"c","heartbeatMs":25000}\n\n'
    const fetch = async () => {
      const stream = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(body)) })
      const response = new Response(stream)
      if (type) response.headers.set('Content-Type', type)
      return response
    }
    const { clock, client } = setUp({ fetch })
    client.subscribe('a', {})
    await clock.advance(0)
    expect(client.status.getSnapshot().status).toBe(status)
  })
})

describe('adding and dropping topics', () => {
  test('C1: nothing is lost or handed on twice while one stream takes over from the other', async () => {
    const { clock, hub, client } = setUp()
    const got: string[] = []
    client.subscribe('a', { '*': ({ seq }) => got.push(`a${seq}`) })
    await clock.advance(0)
    hub.publish('a')
    await clock.advance(0)
    const undo = client.subscribe('b', { '*': ({ seq }) => got.push(`b${seq}`) })
    hub.publish(['a', 'b'])
    await clock.advance(49)
    hub.publish('a')
    expect(hub.requests).toHaveLength(1)
    await clock.advance(1)
    hub.publish(['b', 'a'])
    await clock.advance(0)
    undo()
    hub.publish('a')
    await clock.advance(50)
    hub.publish('a')
    await clock.advance(0)
    expect(got.filter((name) => name.startsWith('a'))).toEqual(['a1', 'a2', 'a3', 'a4', 'a5', 'a6'])
    expect(got.filter((name) => name.startsWith('b')).at(-1)).toBe('b4')
    expect(hub.requests.map(({ topics }) => `${topics}`)).toEqual(['a', 'a,b', 'a'])
    expect(hub.open).toBe(1)
  })
})

describe('job(id)', () => {
  test('D4: a first stream brings the job by its snapshot; then the newer version wins, whatever comes', async () => {
    const { clock, hub, client } = setUp()
    hub.jobs.set('42', job(3))
    const view = client.job('42')
    expect(client.job('42')).toBe(view)
    expect(view.getSnapshot()).toBeNull()
    const seen: (number | undefined)[] = []
    const undo = view.subscribe(() => seen.push(view.getSnapshot()?.version))
    await clock.advance(0)
    hub.publish('job:42', 'job.progress', job(2))
    hub.publish('job:42', 'job.progress', job(4))
    hub.publish('job:42', 'job.log', { id: '42', version: 5, lines: [] })
    hub.publish('job:42', 'page.crawled', { version: 99 })
    hub.say('snapshot', { job: job(4), cursor: hub.head })
    await clock.advance(0)
    hub.publish('job:42', 'job.completed', job(6, { status: 'completed', percent: 100 }))
    await clock.advance(0)
    expect(seen).toEqual([3, 4, 6])
    undo()
    await clock.advance(50)
    expect(hub.open).toBe(0)
    expect(view.getSnapshot()).toMatchObject({ status: 'completed', percent: 100 })
  })

  test('C1: a job that joins a running stream is read, also again after trouble, and nothing in between is missed', async () => {
    const { clock, hub, client } = setUp()
    client.subscribe('a', {})
    await clock.advance(0)
    hub.jobs.set('42', job(3))
    const view = client.job('42')
    const seen: (number | undefined)[] = []
    view.subscribe(() => seen.push(view.getSnapshot()?.version))
    const faults = [{}, { refuse: 'network' as const }]
    hub.fault = () => faults.shift() ?? {}
    await clock.advance(50)
    expect(seen).toEqual([])
    hub.publish('job:42', 'job.progress', job(4))
    await clock.advance(2_000)
    expect(seen).toEqual([4])
    hub.jobs.set('42', job(9))
    const again = client.job('42').subscribe(() => {})
    again()
    expect(client.job('42')).toBe(view)
  })

  test('H3: a job that ended before anybody here looked is shown, although no stream will ever tell of it', async () => {
    const { clock, hub, client } = setUp({ cursor: 'e1.0' })
    hub.jobs.set('42', job(7, { status: 'completed' }))
    const view = client.job('42')
    const faults = [{ refuse: 204 }]
    hub.fault = () => faults.shift() ?? {}
    view.subscribe(() => {})
    await clock.advance(0)
    expect(view.getSnapshot()).toMatchObject({ status: 'completed' })
    expect(client.status.getSnapshot()).toMatchObject({ status: 'idle', error: null })
  })

  test('a job left and joined again within the 50 ms is read anew, as its events were not heard meanwhile', async () => {
    const { clock, hub, client } = setUp()
    client.subscribe('a', {})
    hub.jobs.set('42', job(1))
    const view = client.job('42')
    const leave = view.subscribe(() => {})
    await clock.advance(0)
    expect(view.getSnapshot()?.version).toBe(1)
    leave()
    hub.jobs.set('42', job(2))
    hub.publish('job:42', 'job.progress', job(2))
    await clock.advance(10)
    view.subscribe(() => {})
    await clock.advance(0)
    expect(view.getSnapshot()?.version).toBe(2)
    expect(hub.requests).toHaveLength(1)
  })
})

describe('the state as a store', () => {
  test('C7: each change is told once, the snapshot stays the same object until then', async () => {
    const { clock, hub, client } = setUp()
    const seen: string[] = []
    client.status.subscribe(() => seen.push(client.status.getSnapshot().status))
    const first = client.status.getSnapshot()
    expect(first).toEqual({
      status: 'idle',
      transport: null,
      connectionId: null,
      lastEvent: null,
      error: null,
      attempt: 0,
      failures: { sse: 0, poll: 0 },
      cursor: null,
    })
    expect(client.status.getSnapshot()).toBe(first)
    client.subscribe('a', {})
    await clock.advance(0)
    expect(client.status.getSnapshot()).toMatchObject({ status: 'connected', transport: 'sse', connectionId: 'c1' })
    const event = hub.publish('a')
    await clock.advance(0)
    expect(client.status.getSnapshot()).toMatchObject({ lastEvent: { id: event.id }, cursor: 'e1.1' })
    hub.fault = () => ({ refuse: 'network' })
    hub.cut()
    await clock.advance(0)
    expect(client.status.getSnapshot()).toMatchObject({ status: 'waiting', failures: { sse: 1 }, attempt: 1 })
    expect(client.status.getSnapshot().error?.kind).toBe('connection')
    client.close()
    expect(client.status.getSnapshot().status).toBe('closed')
    expect(seen).toEqual(['connecting', 'connected', 'connected', 'waiting', 'closed'])
  })

  test('C7: a listener that throws harms nobody else', async () => {
    const { clock, client, errors } = setUp()
    let heard = 0
    client.status.subscribe(() => {
      throw new Error('mine')
    })
    client.status.subscribe(() => heard++)
    client.subscribe('a', {})
    await clock.advance(0)
    expect(heard).toBeGreaterThan(0)
    expect(new Set(errors)).toEqual(new Set(['client']))
  })
})

describe('the environment', () => {
  test('C2: a laptop that slept opens a fresh stream beside the old one', async () => {
    const { clock, hub, client } = setUp()
    client.subscribe('a', {})
    await clock.advance(0)
    await clock.advance(20_000)
    hub.ping()
    clock.jump(3_600_000)
    await clock.advance(45_000)
    expect(hub.requests).toHaveLength(2)
    expect(hub.open).toBe(1)
    expect(client.status.getSnapshot()).toMatchObject({ status: 'connected', failures: { sse: 0 } })
  })

  test('C2: hidden in the back-forward cache and shown again, it comes back at its cursor', async () => {
    const { clock, hub, client, tell } = setUp()
    const got: (number | undefined)[] = []
    client.subscribe('a', { '*': ({ seq }) => got.push(seq) })
    await clock.advance(0)
    tell('frozen')
    await clock.advance(0)
    expect(hub.open).toBe(0)
    hub.publish('a')
    await clock.advance(60_000)
    tell('resumed')
    await clock.advance(0)
    expect(got).toEqual([1])
  })

  test('C3: a half-open connection is given up after 2.5 heartbeats, and what was missed comes by the next', async () => {
    const { clock, hub, client } = setUp()
    const faults = [{ bytes: 260, ending: 'silence' as const }]
    hub.fault = () => faults.shift() ?? {}
    const got: (number | undefined)[] = []
    client.subscribe('a', { '*': ({ seq }) => got.push(seq) })
    await clock.advance(0)
    expect(client.status.getSnapshot().status).toBe('connected')
    hub.publish('a')
    hub.publish('a')
    await clock.advance(62_000)
    expect(got).toEqual([])
    await clock.advance(1_000 + 2_000)
    expect(got).toEqual([1, 2])
  })
})

test('C5: without a listener for errors, what handlers throw is not lost', async () => {
  const { clock, hub } = setUp()
  const client = createClient({ url: 'http://hub.test', fetch: hub.fetch, clock })
  const shown: unknown[] = []
  const { error } = console
  console.error = (what: unknown) => shown.push(what)
  onTestFinished(() => {
    console.error = error
    client.close()
  })
  client.subscribe('a', {
    x: () => {
      throw new Error('mine')
    },
  })
  await clock.advance(0)
  hub.publish('a')
  await clock.advance(0)
  expect(shown).toMatchObject([{ kind: 'client' }])
})
