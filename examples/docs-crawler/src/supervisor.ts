import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { WorkerTokens } from './worker-tokens.js'

const program = fileURLToPath(new URL('./worker.js', import.meta.url))
const firstPauseMs = 250
const longestPauseMs = 5_000
/** A worker that lived this long did not die of its start. */
const stableMs = 10_000

export interface WorkerSettings {
  /** Where this server is, as seen from this machine. */
  readonly url: string
  readonly workers: number
  readonly lanes: number
  readonly takenMs: number
  readonly allowLoopback: boolean
}

/** Keeps worker processes running: one that dies is started again, with a pause that grows while it keeps dying young. */
export class Supervisor {
  readonly #settings: WorkerSettings
  readonly #tokens: WorkerTokens
  readonly #children = new Set<ChildProcess>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #stopped = false

  constructor(settings: WorkerSettings, tokens: WorkerTokens) {
    this.#settings = settings
    this.#tokens = tokens
  }

  /** Whether somebody could be working. */
  get isAlive(): boolean {
    return this.#children.size > 0
  }

  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#settings.workers }, (_, index) => this.#run(index + 1, firstPauseMs)))
    this.#later(() => this.#renewTokens(), this.#tokens.renewEveryMs)
  }

  /** Ends the workers: politely, then for good. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    await Promise.all(
      [...this.#children].map(
        (child) =>
          new Promise<void>((resolve) => {
            const timer = setTimeout(() => child.kill('SIGKILL'), 2_000)
            child.once('exit', () => {
              clearTimeout(timer)
              resolve()
            })
            child.kill('SIGTERM')
          }),
      ),
    )
  }

  async #run(number: number, pauseMs: number): Promise<void> {
    const token = await this.#tokens.mint()
    if (this.#stopped) return
    const { url, lanes, takenMs, allowLoopback } = this.#settings
    const startedAt = performance.now()
    const child = fork(program, {
      env: {
        ...process.env,
        CRAWLER_URL: url,
        CRAWLER_TOKEN: token,
        CRAWLER_WORKER: String(number),
        CRAWLER_LANES: String(lanes),
        CRAWLER_TAKEN_MS: String(takenMs),
        CRAWLER_ALLOW_LOOPBACK: allowLoopback ? '1' : '',
      },
    })
    this.#children.add(child)
    child.once('error', (error) => console.error(`docs-crawler: worker ${number}:`, error))
    child.once('exit', (code, signal) => {
      this.#children.delete(child)
      if (this.#stopped) return
      console.error(`docs-crawler: worker ${number} ended (${signal ?? code}); starting it again`)
      const wasStable = performance.now() - startedAt > stableMs
      this.#later(
        () => void this.#run(number, wasStable ? firstPauseMs : Math.min(pauseMs * 2, longestPauseMs)),
        pauseMs,
      )
    })
  }

  async #renewTokens(): Promise<void> {
    for (const child of this.#children) child.send({ token: await this.#tokens.mint() }, () => {})
    this.#later(() => this.#renewTokens(), this.#tokens.renewEveryMs)
  }

  #later(task: () => unknown, ms: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      void task()
    }, ms)
    this.#timers.add(timer)
  }
}
