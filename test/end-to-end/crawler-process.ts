import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { freePort } from '../fixtures/free-port.js'

const program = fileURLToPath(new URL('../../examples/docs-crawler/dist/server.js', import.meta.url))

/** The crawler as people start it, on files of its own and always on the same port. */
export class CrawlerProcess {
  readonly #folder: string
  readonly #ownsFolder: boolean
  readonly #options: readonly string[]
  readonly #errors: string[] = []
  #child: ChildProcess | null = null
  #port = 0

  /** Without a folder it has one of its own. */
  constructor({ folder, options = [] }: { folder?: string; options?: readonly string[] } = {}) {
    this.#ownsFolder = folder === undefined
    this.#folder = folder ?? mkdtempSync(join(tmpdir(), 'docs-crawler-'))
    this.#options = options
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** What it wrote to stderr. */
  get errors(): string {
    return this.#errors.join('')
  }

  /** Resolves once it has printed its address. */
  async start(): Promise<void> {
    this.#port ||= await freePort()
    const options = [
      '--port',
      `${this.#port}`,
      '--data',
      this.#folder,
      '--allow-loopback',
      '--delay-ms',
      '0',
      '--taken-ms',
      '2000',
      ...this.#options,
    ]
    const child = spawn(process.execPath, [program, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    child.stderr.setEncoding('utf8').on('data', (text: string) => this.#errors.push(text))
    for await (const line of createInterface(child.stdout)) {
      if (line === `docs-crawler ready ${this.url}`) return
    }
    throw new Error(`The crawler did not start: ${this.errors}`)
  }

  /** The process ids of its workers. */
  workers(): number[] {
    return childrenOf(this.#child?.pid)
  }

  /** SIGKILL; resolves once its workers are gone too. */
  async kill(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null) return
    const workers = this.workers()
    child.kill('SIGKILL')
    await once(child, 'exit')
    while (workers.some(isRunning)) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    if (this.#ownsFolder) rmSync(this.#folder, { recursive: true, force: true })
  }
}

function childrenOf(pid: number | undefined): number[] {
  try {
    const list = execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    return list.trim().split('\n').map(Number)
  } catch {
    return []
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
