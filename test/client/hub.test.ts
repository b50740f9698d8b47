import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { SignJWT } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Client, type ClientOptions, createClient } from '#src/client/index.js'
import { createHub, type Hub, type HubOptions } from '#src/index.js'
import { toNodeHandler } from '#src/http/node.js'
import type { TidingsEvent } from '#src/protocol/event.js'
import { type FaultProxy, type Faults, faultProxy } from '#src/testing/index.js'

const secret = 'a secret of at least thirty-two bytes'

const tokenOf = (claims: Record<string, unknown> = {}, seconds = 3_600, sub = '7'): Promise<string> =>
  new SignJWT({ tidings: { subscribe: ['report:*'], ...claims } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
    .sign(new TextEncoder().encode(secret))

interface Running {
  readonly hub: Hub
  readonly server: Server
  readonly port: number
  readonly proxy: FaultProxy
}

async function listen(hub: Hub, port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer(toNodeHandler(hub, { basePath: '/tidings' })).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

async function close(server: Server): Promise<void> {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

/** A hub on a real socket, behind a network that can be told to misbehave. */
async function serve(options: Partial<HubOptions> = {}): Promise<Running> {
  const hub = await createHub({ jwt: { secret }, ...options })
  const { server, port } = await listen(hub)
  const proxy = await faultProxy({ port })
  onTestFinished(async () => {
    await proxy.close()
    await hub.close({ drainMs: 0 })
    await close(server)
  })
  return { hub, server, port, proxy }
}

function connect({ proxy }: Pick<Running, 'proxy'>, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({ url: `${proxy.url}/tidings`, getToken: () => tokenOf(), ...options })
  onTestFinished(() => client.close())
  return client
}

/** Resolves when `holds` does, looked at after each change of the store: the client's state, or a job. */
function until({ subscribe }: { subscribe(listener: () => void): () => void }, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!holds()) return
      undo()
      resolve()
    }
    // The state changes before handlers are called.
    const undo = subscribe(() => queueMicrotask(look))
    queueMicrotask(look)
  })
}
const status = (client: Client) => client.status.getSnapshot()
const live = (client: Client): Promise<void> => until(client.status, () => status(client).status === 'connected')

describe('against the real hub, over real sockets', () => {
  test('D1, D2, D3: every event once and in order, through cut, sliced and reset connections', async () => {
    const running = await serve()
    const client = connect(running)
    const got: unknown[] = []
    client.subscribe('report:1', { 'report.updated': ({ data }) => got.push(data) })
    await live(client)
    const { hub, proxy } = running
    const faults: Faults[] = [
      { sliceBytes: 7 },
      { cutAfterBytes: 700, reset: true },
      { cutAfterBytes: 1_501 },
      { sliceBytes: 3, cutAfterBytes: 2_222 },
      { refuse: true },
      {},
    ]
    const rounds = 18
    for (let round = 0; round < rounds; round++) {
      proxy.set(faults[round % faults.length] ?? {})
      if (round % 3 === 0) proxy.cut({ gracefully: round % 2 === 0 })
      for (let n = 0; n < 20; n++)
        await hub.publish({ topic: 'report:1', type: 'report.updated', data: round * 20 + n })
      client.reconnect()
      if (round % 2 === 0) await until(client.status, () => status(client).status !== 'connecting')
    }
    proxy.set({})
    client.reconnect()
    await until(client.status, () => got.length >= rounds * 20)
    expect(got).toEqual(Array.from({ length: rounds * 20 }, (_, n) => n))
    expect(proxy.accepted).toBeGreaterThan(5)
    expect(status(client).failures.sse).toBeGreaterThan(0)
  })

  test('C1: topics come and go while events flow: one connection, nothing lost or handed on twice', async () => {
    const running = await serve()
    const client = connect(running)
    const got: Record<string, unknown[]> = { 'report:1': [], 'report:2': [], 'report:3': [] }
    const listenTo = (topic: string) => client.subscribe(topic, { '*': ({ data }) => got[topic]?.push(data) })
    listenTo('report:1')
    await live(client)
    let published = 0
    const flow = async (least: number, heard: () => boolean = () => true): Promise<void> => {
      for (let n = 0; n < least || !heard(); n++) {
        for (const topic of Object.keys(got)) await running.hub.publish({ topic, type: 'x', data: published })
        published++
        // Real time passes, so that the 50 ms of a change end while events go on.
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    }
    const enough = (topic: string) => () => (got[topic]?.length ?? 0) > 11
    await flow(20)
    const second = listenTo('report:2')
    await flow(40)
    const third = listenTo('report:3')
    await flow(40, enough('report:2'))
    second()
    await flow(40, enough('report:3'))
    third()
    await flow(60)
    await until(client.status, () => got['report:1']?.at(-1) === published - 1)
    expect(got['report:1']).toEqual(Array.from({ length: published }, (_, n) => n))
    for (const topic of ['report:2', 'report:3']) {
      const [first = 0, ...rest] = got[topic] as number[]
      expect(rest).toEqual(rest.map((_, index) => first + 1 + index))
      expect(rest.length).toBeGreaterThan(10)
    }
    await until(client.status, () => running.hub.stats().connections === 1)
  })

  test('C1: on() hears what is addressed to the person, beside named topics', async () => {
    const running = await serve()
    const client = connect(running, { getToken: () => tokenOf({ roles: ['ADMIN'] }) })
    const got: unknown[] = []
    client.on('notification', ({ data }) => got.push(data))
    client.subscribe('report:1', { '*': ({ data }) => got.push(data) })
    await live(client)
    await running.hub.publish({ to: { users: ['7'], roles: ['ADMIN'] }, type: 'notification', data: 'to me' })
    await running.hub.publish({ to: { users: ['8'] }, type: 'notification', data: 'to somebody else' })
    await running.hub.publish({ topic: 'report:1', type: 'x', data: 'rows' })
    await until(client.status, () => got.length >= 2)
    expect(got).toEqual(['to me', 'rows'])
  })

  test('D4: job(id) shows a job from its start to its end, also one that joins later and one that ended before', async () => {
    const running = await serve()
    const { hub } = running
    const client = connect(running)
    const { job: first } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl', total: 4 })
    const view = client.job(first.id)
    const percents: (number | null | undefined)[] = []
    view.subscribe(() => percents.push(view.getSnapshot()?.percent))
    await until(view, () => view.getSnapshot() !== null)

    const { job: second } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl' })
    await hub.jobs.run(second.id, async (job) => void job.increment({ processed: 3 }))
    const late = client.job(second.id)
    const lateEnded = new Promise<void>((resolve) => late.subscribe(() => late.getSnapshot()?.endedAt && resolve()))
    await lateEnded
    expect(late.getSnapshot()).toMatchObject({ status: 'completed', counters: { processed: 3 } })

    await hub.jobs.run(first.id, async (job) => {
      for (let page = 0; page < 4; page++) void job.increment({ processed: 1 })
    })
    await until(view, () => view.getSnapshot()?.status === 'completed')
    expect(percents.at(-1)).toBe(100)
    expect(percents).toEqual([...percents].sort((a, b) => Number(a) - Number(b)))
    // H3: all its topics are ended jobs, so the hub ends the stream for good, which is no error.
    await until(client.status, () => status(client).status === 'idle')
    expect(status(client).error).toBeNull()
  })

  test('C1, H3: the history of a job that has ended comes whole, although its stream ends at once and a page does not hold it', async () => {
    const running = await serve({ bodyBytes: 32_000 })
    const { hub } = running
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl' })
    const lines = Array.from({ length: 60 }, (_, n) => `${n} ${'x'.repeat(1_000)}`)
    await hub.jobs.run(job.id, async (handle) => {
      for (const line of lines) await handle.log('info', line)
    })
    const { cursor } = await hub.publish({ topic: 'report:1', type: 'x', data: 'after its end' })
    // Without a cursor the stream says hello, then bye; with one it is answered 204, and so are the second of polls.
    for (const options of [{}, { cursor: cursor as string }, { transport: 'poll' }] as const) {
      const client = connect(running, options)
      const logged: string[] = []
      await new Promise((resolve) => {
        const hear = ({ data }: TidingsEvent<string, { lines: { message: string }[] }>): void =>
          void logged.push(...data.lines.map(({ message }) => message))
        client.subscribe(`job:${job.id}`, { 'job.log': hear, 'job.completed': resolve }, { since: 'start' })
      })
      expect(logged).toEqual(lines)
      await until(client.status, () => status(client).status === 'idle')
      expect(status(client).error).toBeNull()
    }
  })

  test('A3: a forbidden topic is reported to its subscription, the rest is connected', async () => {
    const running = await serve()
    const client = connect(running)
    const refused = new Promise((resolve) => client.subscribe('user:8', {}, { onError: resolve }))
    const heard = new Promise((resolve) => client.subscribe('report:1', { '*': resolve }))
    expect(await refused).toMatchObject({ kind: 'authentication', code: 'forbidden' })
    await live(client)
    await running.hub.publish({ topic: 'report:1', type: 'x', data: 1 })
    expect(await heard).toMatchObject({ topic: 'report:1' })
  })

  test('C5: a stale token is refreshed once; where the fresh one is no better, the client stops and says so', async () => {
    const running = await serve()
    const asked: boolean[] = []
    const client = connect(running, {
      getToken: ({ refresh }) => {
        asked.push(refresh)
        return tokenOf({}, refresh ? 3_600 : -60)
      },
    })
    client.subscribe('report:1', {})
    await live(client)
    expect(asked).toEqual([false, true])
    const hopeless = connect(running, { getToken: () => 'no.token.this' })
    hopeless.subscribe('report:1', {})
    await until(hopeless.status, () => status(hopeless).error !== null)
    expect(status(hopeless)).toMatchObject({ status: 'idle', error: { kind: 'authentication', code: 'unauthorized' } })
  })

  test('C3: a half-open connection is given up after 2.5 heartbeats; what was missed comes by the next', async () => {
    const running = await serve({ heartbeatMs: 200 })
    const client = connect(running)
    const got: unknown[] = []
    client.subscribe('report:1', { '*': ({ data }) => got.push(data) })
    await live(client)
    running.proxy.set({ halfOpen: true })
    await running.hub.publish({ topic: 'report:1', type: 'x', data: 'missed' })
    await until(client.status, () => status(client).status === 'waiting')
    expect(status(client).error?.kind).toBe('timeout')
    running.proxy.set({})
    await until(client.status, () => got.length > 0)
    expect(got).toEqual(['missed'])
  })

  test('H3, D4: a hub that shuts down says when to come back; its successor with another history announces the gap', async () => {
    const first = await createHub({ jwt: { secret }, returnWindowMs: 200 })
    const { server, port } = await listen(first)
    const client = createClient({ url: `http://127.0.0.1:${port}/tidings`, getToken: () => tokenOf() })
    onTestFinished(() => client.close())
    const got: unknown[] = []
    const gaps: string[] = []
    const note = ({ data }: TidingsEvent): void => void got.push(data)
    client.subscribe('report:1', { '*': note }, { onGap: ({ reason }) => gaps.push(reason) })
    await live(client)
    await first.publish({ topic: 'report:1', type: 'x', data: 'before' })
    await until(client.status, () => got.length > 0)
    await first.close({ drainMs: 1_000 })
    await close(server)
    const second = await createHub({ jwt: { secret } })
    await second.publish({ topic: 'report:1', type: 'x', data: 'meanwhile' })
    const again = await listen(second, port)
    onTestFinished(async () => {
      await second.close({ drainMs: 0 })
      await close(again.server)
    })
    await until(client.status, () => got.length > 1)
    expect(got).toEqual(['before', 'meanwhile'])
    expect(gaps[0]).toBe('epoch')
  })

  test('C2: in Node a process that waits for its hub stays alive, and ends when the client is closed', async () => {
    const client = import.meta.resolve('#src/client/index.js')
    const script = `
      import { createClient } from ${JSON.stringify(client)}
      const client = createClient({ url: 'http://127.0.0.1:9' })
      client.subscribe('report:1', {})
      client.onError(() => client.status.getSnapshot().failures.sse === 2 && client.close())
      process.on('exit', () => console.log(client.status.getSnapshot().failures.sse))`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script])
    expect(stdout).toBe('2\n')
  })
})
