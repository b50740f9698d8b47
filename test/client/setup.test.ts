import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createDiagnostics, type DiagnosticEntry } from '#src/client/diagnostics.js'
import { type ClientOptions, createClient } from '#src/client/index.js'
import { subjectOf } from '#src/client/setup.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'
import '#src/client/refusal.js'
import { FakeHub } from './fake-hub.js'

const tokenOf = (user: string): string => `x.${btoa(JSON.stringify({ sub: user }))}.x`

function setUp(options: Partial<ClientOptions> = {}) {
  const clock = fakeClock()
  const random = seededRandom(1)
  const hub = new FakeHub(clock, random)
  const open = (more: Partial<ClientOptions> = {}) => {
    const client = createClient({ url: 'http://hub.test/', fetch: hub.fetch, clock, random, ...options, ...more })
    onTestFinished(() => client.close())
    const errors: string[] = []
    client.onError((error) => errors.push(`${error.kind}: ${error.message}`))
    return { client, errors }
  }
  return { clock, hub, open }
}

describe('resume', () => {
  test('C2: the cursor is kept, and a later client goes on where the earlier one stood', async () => {
    const kept = new Map<string, string>()
    const resume = { get: (key: string) => kept.get(key), set: (key: string, cursor: string) => kept.set(key, cursor) }
    const { clock, hub, open } = setUp({ resume })
    const { client } = open()
    client.subscribe('a', {})
    await clock.advance(0)
    hub.publish('a')
    await clock.advance(1_000)
    expect([...kept.values()]).toEqual(['e1.1'])
    hub.publish('a')
    await clock.advance(0)
    client.close()
    expect([...kept.values()]).toEqual(['e1.2'])
    hub.publish('a')
    const got: unknown[] = []
    open().client.subscribe('a', { '*': ({ seq }) => got.push(seq) })
    await clock.advance(0)
    expect(got).toEqual([3])
  })

  test('C2: each user has a cursor of their own, `cursor` comes before what was kept', async () => {
    const kept = new Map<string, string>()
    const resume = { get: (key: string) => kept.get(key), set: (key: string, cursor: string) => kept.set(key, cursor) }
    const { clock, hub, open } = setUp({ resume })
    for (const user of ['7', '8']) {
      const { client } = open({ getToken: () => tokenOf(user) })
      client.subscribe('a', {})
      await clock.advance(0)
      hub.publish('a')
      await clock.advance(0)
      client.close()
    }
    expect([...kept.values()]).toEqual(['e1.1', 'e1.2'])
    expect([...kept.keys()].every((key) => key.startsWith('tidings/'))).toBe(true)
    const got: unknown[] = []
    const { client } = open({ getToken: () => tokenOf('8'), cursor: 'e1.0' })
    client.subscribe('a', { '*': ({ seq }) => got.push(seq) })
    await clock.advance(0)
    expect(got).toEqual([1, 2])
  })

  test('C2: a storage that fails costs the place and is reported, the client connects all the same', async () => {
    const broken = (): never => {
      throw new Error('full')
    }
    const { clock, hub, open } = setUp({ resume: { get: broken, set: broken } })
    const { client, errors } = open()
    const got: unknown[] = []
    client.subscribe('a', { '*': ({ seq }) => got.push(seq) })
    await clock.advance(0)
    hub.publish('a')
    await clock.advance(1_000)
    expect(got).toEqual([1])
    expect(errors.length).toBeGreaterThanOrEqual(1)
    expect(errors.every((error) => error.startsWith('client: The cursor could not be kept'))).toBe(true)
  })
})

test('C6: who is signed in is read from a token’s `sub`; what is no such token tells nothing', () => {
  expect(subjectOf(tokenOf('7'))).toBe('7')
  expect(subjectOf(`x.${Buffer.from('{"sub":"Zoë"}').toString('base64url')}.x`)).toBe('Zoë')
  for (const token of [null, undefined, '', 'opaque', 'a.b.c', `x.${btoa('{"sub":5}')}.x`, `x.${btoa('null')}.x`]) {
    expect(subjectOf(token)).toBeNull()
  }
})

describe('diagnostics', () => {
  test('C7: the last 200 transitions, without payloads and tokens; events that came twice are in it', async () => {
    const logged: DiagnosticEntry[] = []
    const diagnostics = createDiagnostics({ log: (entry) => logged.push(entry) })
    const { clock, hub, open } = setUp({ diagnostics, getToken: () => 'a-secret-token' })
    hub.fault = () => ({ twice: true })
    const { client } = open()
    client.subscribe('a', {})
    await clock.advance(0)
    expect(diagnostics.entries().map(({ what }) => what)).toEqual(
      expect.arrayContaining(['want 1 topics', 'batch', 'sent', 'message hello']),
    )
    for (let n = 0; n < 150; n++) hub.publish('a', 'x', 'a-secret-payload')
    await clock.advance(0)
    expect(diagnostics.entries()).toHaveLength(200)
    expect(diagnostics.entries().at(-1)).toMatchObject({ what: 'drop', did: ['a', 'id-150'] })
    hub.fault = () => ({ refuse: 503 })
    hub.cut()
    await clock.advance(5_000)
    expect(diagnostics.entries().at(-1)).toMatchObject({ what: 'failed 503 internal', after: 'waiting' })
    expect(JSON.stringify(logged)).not.toContain('secret')
    expect(JSON.stringify(diagnostics.entries())).not.toContain('secret')
  })

  test('C7: `debug` logs transitions and drops to the console, without payloads and tokens', async () => {
    const debug = vi.spyOn(console, 'debug').mockImplementation(() => {})
    onTestFinished(() => debug.mockRestore())
    const { clock, hub, open } = setUp({ debug: true, getToken: () => 'a-secret-token' })
    hub.fault = () => ({ twice: true })
    const { client } = open()
    client.subscribe('a', {})
    const status = () => clock.advance(0).then(() => client.status.getSnapshot().status)
    await expect.poll(status).toBe('connected')
    hub.publish('a', 'x', 'a-secret-payload')
    await clock.advance(0)
    const said = debug.mock.calls.map(([who, entry]) => [who, (entry as DiagnosticEntry).what])
    for (const what of ['message hello', 'drop']) expect(said).toContainEqual(['tidings', what])
    expect(JSON.stringify(debug.mock.calls)).not.toContain('secret')
  })
})

test('O2: `name` goes along with streams and polls', async () => {
  const { clock, hub, open } = setUp()
  const urls: string[] = []
  const { client } = open({
    name: 'admin page',
    fetch: (input, init) => {
      urls.push(String(input))
      return hub.fetch(input, init)
    },
  })
  client.subscribe('a', {})
  await clock.advance(0)
  client.forceTransport('poll')
  await clock.advance(0)
  expect(urls.map((url) => new URL(url).searchParams.get('name'))).toEqual(expect.arrayContaining(['admin page']))
  expect(urls.every((url) => url.includes('name=admin+page'))).toBe(true)
})

test('what setup cannot do is reported, and the client connects without it', async () => {
  const { clock, hub, open } = setUp({ resume: { get: () => 'e1.0', set: () => {} } })
  hub.publish('a')
  // Without a page nobody knows what a relative address is relative to.
  const fetch: typeof globalThis.fetch = (input, init) => hub.fetch(`http://hub.test${String(input)}`, init)
  const { client, errors } = open({ url: '/', fetch })
  client.subscribe('a', {})
  await clock.advance(0)
  expect(errors).toEqual([expect.stringContaining('connection: TypeError')])
  expect(hub.requests).toMatchObject([{ topics: ['a'], cursor: null }])
  expect(client.status.getSnapshot().status).toBe('connected')
})
