import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { seededRandom } from '#src/testing/index.js'
import { serve, type Serving } from '../cli/program.js'
import { audit } from '../faults/auditor.js'
import { bearer } from '../fixtures/bearer.js'
import { freePorts } from '../fixtures/free-port.js'
import { Nginx } from '../fixtures/nginx.js'
import { plainThreeNodes } from '../fixtures/three-nodes.js'
import { readHistories, type Written } from './three-nodes-history.js'

export interface Scene {
  /** What `--store` gets. */
  readonly store: string
  readonly seed: number
  /** In all; two thirds are clients as pages use them, the rest plain streams and polls. */
  readonly readers: number
  readonly readerProcesses: number
  /** Part of the product's reconnect pauses that readers wait. */
  readonly haste: number
  /** What is done to the nodes while everybody publishes and reads. Resolves when it has been enough. */
  readonly disturb: (stage: Stage) => Promise<unknown>
}

export interface Stage {
  readonly random: () => number
  readonly nodes: readonly Node[]
}

const secret = 'a secret that only this test knows, long enough'
const topics = Array.from({ length: 8 }, (_, index) => `report:${index}`)
const lastWordWithinMs = 60_000

/** One `tidings serve` that keeps its port over its lives. */
export class Node {
  readonly port: number
  readonly #store: string
  #serving: Serving | null = null

  constructor(port: number, store: string) {
    this.port = port
    this.#store = store
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async start(): Promise<void> {
    const flags = ['--port', `${this.port}`, '--store', this.#store, '--heartbeat-ms', '2000', '--drain-ms', '5000']
    const kept = ['--retention-events', '1000000', '--retention-bytes', '100000000000', '--return-window-ms', '1000']
    this.#serving = await serve([...flags, ...kept], { TIDINGS_JWT_SECRET: secret })
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | NodeJS.Signals> {
    const serving = this.#serving
    this.#serving = null
    return serving ? serving.program.kill(signal) : 'SIGKILL'
  }
}

/** Three nodes, nginx, readers and publishers; then the audit of what each of them noted. */
export async function runThreeNodes(scene: Scene) {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-nodes-'))
  const random = seededRandom(scene.seed)
  const [listen, ...ports] = (await freePorts(4)) as [number, number, number, number]
  const nodes = ports.map((port) => new Node(port, scene.store))
  const nginx = new Nginx(
    plainThreeNodes(ports, listen, {
      'rate=50r/s': 'rate=10000r/s',
      'burst=200': 'burst=5000',
      'limit_conn tidings_streams 200': 'limit_conn tidings_streams 2000',
      'proxy_connect_timeout 2s;': 'proxy_connect_timeout 2s; add_header X-Node $upstream_addr always;',
    }),
  )
  const children: ChildProcess[] = []
  const start = async (script: string, options: object): Promise<ChildProcess> => {
    const child = fork(fileURLToPath(new URL(script, import.meta.url)), [JSON.stringify(options)])
    children.push(child)
    await answer(child)
    return child
  }
  try {
    await Promise.all(nodes.map((node) => node.start()))
    await nginx.start(listen)
    const url = `http://127.0.0.1:${listen}/tidings`
    const token = await bearer(secret, 'publisher', { subscribe: ['report:*'], publish: ['report:*'] })
    const seedOf = (): number => Math.floor(random.fraction() * 2 ** 31)

    const written: Written = { publishers: [], readers: [], log: [] }
    const readers = await Promise.all(
      Array.from({ length: scene.readerProcesses }, async (_, index) => {
        const file = join(folder, `readers-${index}.json`)
        written.readers.push(file)
        const { seed, haste } = { seed: seedOf(), haste: scene.haste }
        return start('three-nodes-readers.mjs', { url, seed, haste, file, readers: await readersOf(scene, index) })
      }),
    )
    const publisher = (name: string, way: object): Promise<ChildProcess> => {
      const file = join(folder, `publisher-${name}.ndjson`)
      written.publishers.push(file)
      return start('three-nodes-publisher.mjs', { name, topics, lanes: 4, pauseMs: 40, seed: seedOf(), file, ...way })
    }
    const publishers = [
      await publisher('nodes', { urls: nodes.map((node) => node.url), token }),
      await publisher('proxy', { urls: [url], token }),
      await publisher('hub', { store: scene.store }),
      // Killed below, in the middle of what it does.
      await publisher('killed', { store: scene.store }),
    ]

    const began = performance.now()
    const killed = publishers.pop() as ChildProcess
    const disturbed = scene.disturb({ random: () => random.fraction(), nodes })
    // It is awaited below; a failure before that is not an unhandled one.
    disturbed.catch(() => {})
    await wait(1_500)
    killed.kill('SIGKILL')
    publishers.push(await publisher('revived', { store: scene.store }))
    await disturbed
    const loadMs = performance.now() - began
    await Promise.all(publishers.map(stopped))

    const last = await publishLast(url, token)
    const lastAt = performance.now()
    const told = await Promise.all(
      readers.map(async (child) => {
        child.send({ finish: { withinMs: lastWordWithinMs } })
        return (await answer(child)).finished as Finished
      }),
    )
    const settledMs = performance.now() - lastAt
    written.log.push(...(await readLog(url, token)))
    const histories = readHistories(written, last)
    const figures = {
      seed: scene.seed,
      readers: scene.readers,
      loadSeconds: Math.round(loadMs / 1_000),
      settledSeconds: Math.round(settledMs / 1_000),
      published: histories.all.log.length,
      attempts: histories.all.publishes.length,
      given: histories.given,
      connections: told.reduce((sum, { connections }) => sum + connections, 0),
      landings: sumOf(told.map(({ landings }) => landings)),
    }
    expect(
      told.flatMap(({ late }) => late),
      `seed ${scene.seed}: every reader had the last event in time`,
    ).toEqual([])
    for (const history of [histories.all, histories.filtered]) {
      expect(audit(history), `seed ${scene.seed}: what the auditor found`).toEqual([])
    }
    return figures
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(nodes.map((node) => node.kill()))
    await nginx.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Finished {
  readonly late: readonly object[]
  readonly landings: Readonly<Record<string, number>>
  readonly connections: number
}

/** Each is somebody of their own: what one person may have open is limited. */
function readersOf({ readers, readerProcesses }: Scene, process: number): Promise<object[]> {
  const all = Array.from({ length: readers }, (_, index) => index)
  return Promise.all(
    all
      .filter((index) => index % readerProcesses === process)
      .map(async (index) => {
        const kind = index % 6 === 4 ? 'sse' : index % 6 === 5 ? 'poll' : 'client'
        const name = `${kind}-${index}`
        const first = index % topics.length
        return {
          name,
          kind,
          token: await bearer(secret, name, { subscribe: ['report:*'] }),
          topics: [topics[first], topics[(first + 3) % topics.length]],
          // Every second reader by hand hears one type alone.
          ...(kind !== 'client' && index % 4 < 2 && { types: ['a', 'end'] }),
        }
      }),
  )
}

/** The event after which nothing comes, to all topics at once. */
async function publishLast(url: string, token: string) {
  const data = { text: 'end' }
  const response = await fetch(`${url}/events`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ id: 'end', topics, type: 'end', data }),
  })
  expect(response.status).toBe(201)
  const { cursor } = (await response.json()) as { cursor: string }
  return { id: 'end', topics, data, cursor }
}

/** Everything that is kept, as somebody reads it who comes when all is over. */
async function readLog(url: string, token: string): Promise<Written['log']> {
  const log: Written['log'] = []
  const query = new URLSearchParams([...topics.map((topic) => ['topic', topic]), ['limit', '1000']])
  for (let since = 'start', more = true; more; ) {
    const response = await fetch(`${url}/events?${query}&since=${since}`, {
      headers: { Authorization: `Bearer ${token}`, Accept: 'application/json' },
    })
    const page = (await response.json()) as {
      events: { id: string; seq: number; topic: string; topics?: string[]; type: string; data: unknown }[]
      cursor: string
      upToDate: boolean
    }
    const epoch = page.cursor.slice(0, page.cursor.lastIndexOf('.'))
    for (const { id, seq, topic, topics: many = [topic], type, data } of page.events)
      log.push({ cursor: `${epoch}.${seq}`, id, topics: many, type, data })
    since = page.cursor
    more = !page.upToDate
  }
  return log
}

async function answer(child: ChildProcess): Promise<any> {
  const [message] = await Promise.race([
    once(child, 'message'),
    // After all that it said, which its exit may overtake.
    once(child, 'disconnect').then(() => {
      throw new Error(`A child ended: ${child.exitCode ?? child.signalCode}`)
    }),
  ])
  return message
}

async function stopped(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  child.send({ stop: true })
  const [code] = await exit
  expect(code).toBe(0)
}

function sumOf(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const each of counts) for (const [key, value] of Object.entries(each)) sum[key] = (sum[key] ?? 0) + value
  return sum
}
