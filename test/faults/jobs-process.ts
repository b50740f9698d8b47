import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** What a process of `jobs-process.mjs` says. */
export interface Said {
  readonly port?: number
  readonly running?: string
  readonly aborted?: string
  readonly ended?: string
  readonly failed?: string
  readonly error?: string
  readonly code?: string
  readonly status?: string
  readonly processed?: number
  readonly counted?: number
  readonly slowestMs?: number
  /** Its wall clock. */
  readonly now: number
}

export interface JobsOptions {
  readonly serve?: boolean
  readonly redis?: string
  readonly sqlite?: string
  readonly url?: string
  readonly port?: number
  readonly options?: object
  /** Ids of the jobs that it runs. */
  readonly work?: readonly string[]
  readonly everyMs?: number
  /** So many callers count the job up so many times each. */
  readonly hammer?: { readonly id: string; readonly callers: number; readonly count: number }
}

const library = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
/** Why wall clocks cannot be shifted, or null where they can. */
export const noFakeTime: string | null = existsSync(library) ? null : 'faketime is not installed'

/** A process that is gone at the end of the test. */
export class JobsProcess {
  readonly said: Said[] = []
  readonly #child: ChildProcess
  readonly #waiting = new Set<() => void>()

  /** `shiftSeconds`: its wall clock is wrong by so much, its monotonic clock is not. */
  constructor(options: JobsOptions, shiftSeconds = 0) {
    const shifted = {
      LD_PRELOAD: library,
      FAKETIME: `${shiftSeconds < 0 ? '' : '+'}${shiftSeconds}s`,
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
    this.#child = fork(fileURLToPath(new URL('jobs-process.mjs', import.meta.url)), [JSON.stringify(options)], {
      env: { ...process.env, ...(shiftSeconds !== 0 && shifted) },
    })
    this.#child.on('message', (message) => {
      this.said.push(message as Said)
      for (const look of this.#waiting) look()
    })
    onTestFinished(() => this.kill())
  }

  /** The first thing it says, or has said, that is looked for. */
  async says(wanted: (said: Said) => boolean): Promise<Said> {
    // After all that it said, which its exit may overtake.
    const died = once(this.#child, 'disconnect').then(() => {
      const { exitCode, signalCode } = this.#child
      throw new Error(`The process ended (${exitCode ?? signalCode}): ${JSON.stringify(this.said)}`)
    })
    died.catch(() => {})
    const found = new Promise<Said>((resolve) => {
      const look = (): void => {
        const said = this.said.find(wanted)
        if (!said) return
        this.#waiting.delete(look)
        resolve(said)
      }
      this.#waiting.add(look)
      look()
    })
    return await Promise.race([found, died])
  }

  async url(): Promise<string> {
    return `http://127.0.0.1:${(await this.says(({ port }) => port !== undefined)).port}`
  }

  finish(): void {
    this.#child.send('finish')
  }
  pause(): void {
    this.#child.kill('SIGSTOP')
  }
  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }
}
