import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { type Serving, serve } from '../cli/program.js'
import { bearer } from '../fixtures/bearer.js'
import { freePorts } from '../fixtures/free-port.js'
import { redisForTest } from '../fixtures/redis.js'

export interface Scene {
  /** In all; one in ten is the client as pages use it. */
  readonly readers: number
  readonly readerProcesses: number
  readonly drainMs: number
  readonly returnWindowMs: number
  /** Between two publishes. */
  readonly everyMs: number
  /** What is done to the first node, on which everybody reads. */
  readonly end: (stage: Stage) => Promise<object>
}

export interface Stage {
  readonly first: Serving
  readonly scene: Scene
  readonly token: string
}

interface Bye {
  readonly at: number
  readonly reason: string
  readonly retryAfterMs: number
  readonly reconnect: boolean
  /** What the `retry:` of its block said. */
  readonly retryMs: number | null
}

interface Summary {
  readonly name: string
  readonly kind: 'sse' | 'client'
  readonly at: number
  readonly next: number
  readonly given: number
  readonly byes: readonly Bye[]
  readonly returns: readonly { readonly at: number; readonly node: number }[]
  readonly wrong: readonly object[]
  readonly failures: readonly (string | number)[]
  readonly gaps: number
}

const secret = 'a secret that only this test knows, long enough'
const topic = 'report:all'
const clientEvery = 10
const backWithinMs = 60_000

/**
 * Two nodes on one Redis, everybody on the first, which ends while numbers are published. Asserts what holds however it ends:
 * everybody is on the other node afterwards, and had every number, in order and once.
 */
export async function runShutdown(scene: Scene) {
  const redis = await redisForTest()
  const ports = await freePorts(2)
  const flags = [
    '--store',
    redis.url,
    '--drain-ms',
    `${scene.drainMs}`,
    '--return-window-ms',
    `${scene.returnWindowMs}`,
  ]
  const nodes = await Promise.all(
    ports.map((port) => serve(['--port', `${port}`, ...flags], { TIDINGS_JWT_SECRET: secret })),
  )
  const [first, second] = nodes as [Serving, Serving]
  const children: ChildProcess[] = []
  try {
    const token = await bearer(secret, 'publisher', { subscribe: ['report:*'], publish: ['report:*'] })
    const readers = await Promise.all(Array.from({ length: scene.readers }, (_, index) => readerOf(index)))
    const opened: Promise<unknown>[] = []
    for (let process = 0; process < scene.readerProcesses; process++) {
      const own = readers.filter((_, index) => index % scene.readerProcesses === process)
      const options = { nodes: nodes.map(({ url }) => url), topic, readers: own }
      const script = fileURLToPath(new URL('shutdown-readers.mjs', import.meta.url))
      const child = fork(script)
      children.push(child)
      child.send(options)
      opened.push(answer(child))
    }
    await Promise.all(opened)
    const publisher = new Publisher([first.url, second.url], token, scene.everyMs)
    await publisher.until(10)

    const began = Date.now()
    const told = await scene.end({ first, scene, token })
    const endedMs = Date.now() - began
    // Everybody has been asked to be back by now, and as many numbers again follow.
    await wait(Math.max(0, scene.returnWindowMs + 1_000 - endedMs))
    await publisher.until(publisher.published + 20)
    const published = await publisher.stop()

    const answers = await Promise.all(
      children.map(async (child) => {
        child.send({ until: published - 1, withinMs: backWithinMs })
        return (await answer(child)).summaries as Summary[]
      }),
    )
    const summaries = answers.flat()
    const notBack = summaries.filter(({ at, next }) => at !== 1 || next !== published)
    expect(notBack, 'everybody is on the other node and has the last number').toEqual([])
    expect(summaries.filter(({ wrong }) => wrong.length > 0)).toEqual([])
    expect(summaries.filter(({ gaps }) => gaps > 0)).toEqual([])
    const returnedMs = summaries.flatMap(({ returns }) => returns.map(({ at }) => at - began))
    const plain = summaries.filter(({ kind }) => kind === 'sse')
    return {
      told,
      plain,
      figures: {
        readers: summaries.length,
        published,
        publishFailures: publisher.failures,
        given: summaries.reduce((sum, { given }) => sum + given, 0),
        endedMs,
        byes: plain.filter(({ byes }) => byes.length > 0).length,
        lastBackMs: Math.max(...returnedMs),
        returnsBySecond: bySecond(returnedMs),
        failedTries: counted(summaries.flatMap(({ failures }) => failures)),
      },
    }
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(nodes.map(({ program }) => program.kill()))
  }
}

async function readerOf(index: number): Promise<object> {
  const kind = index % clientEvery === clientEvery - 1 ? 'client' : 'sse'
  const name = `${kind}-${index}`
  const token = await bearer(secret, name, { subscribe: ['report:*'] })
  // People sit at many addresses: what one address may hold is limited.
  return { name, kind, token, localAddress: `127.0.1.${1 + (index % 50)}` }
}

function counted(words: readonly (string | number)[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}

/** How many fall into each second. */
export function bySecond(times: readonly number[]): number[] {
  const counts: number[] = []
  for (const ms of times) {
    const second = Math.floor(ms / 1_000)
    counts[second] = (counts[second] ?? 0) + 1
  }
  return Array.from(counts, (count) => count ?? 0)
}

/** Publishes number after number, each until one of the nodes has acknowledged it. */
class Publisher {
  published = 0
  failures = 0
  readonly #urls: readonly string[]
  readonly #token: string
  #stopping = false
  readonly #ended: Promise<void>

  constructor(urls: readonly string[], token: string, everyMs: number) {
    this.#urls = urls
    this.#token = token
    this.#ended = this.#run(everyMs)
    // It is awaited by stop(); a failure before that is not an unhandled one.
    this.#ended.catch(() => {})
  }

  async until(published: number): Promise<void> {
    while (this.published < published) await Promise.race([wait(10), this.#ended])
  }

  async stop(): Promise<number> {
    this.#stopping = true
    await this.#ended
    return this.published
  }

  async #run(everyMs: number): Promise<void> {
    for (let turn = 0; !this.#stopping; ) {
      const body = JSON.stringify({ id: `n-${this.published}`, topic, type: 'number', data: this.published })
      try {
        const response = await fetch(`${this.#urls[turn++ % this.#urls.length]}/events`, {
          method: 'POST',
          headers: { Authorization: `Bearer ${this.#token}`, 'Content-Type': 'application/json' },
          body,
          signal: AbortSignal.timeout(5_000),
        })
        if (response.status !== 200 && response.status !== 201) throw new Error(`status ${response.status}`)
        this.published++
      } catch {
        this.failures++
        if (this.failures > 10_000) throw new Error('no node takes anything')
        await wait(10)
        continue
      }
      await wait(everyMs)
    }
  }
}

async function answer(child: ChildProcess): Promise<any> {
  const [message] = await Promise.race([
    once(child, 'message'),
    // After all that it said, which its exit may overtake.
    once(child, 'disconnect').then(() => {
      throw new Error(`The readers ended: ${child.exitCode ?? child.signalCode}`)
    }),
  ])
  return message
}

/** A reader that never closes its side: the drain waits for it to the end of the set time. */
export async function neverCloses({ first, token }: Stage): Promise<{ close(): void }> {
  const { port } = new URL(first.url)
  const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  socket.write(
    `GET /events?topic=${topic} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nAccept: text/event-stream\r\n\r\n`,
  )
  await once(socket, 'data')
  return { close: () => void socket.destroy() }
}
