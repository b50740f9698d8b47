import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { systemClock } from '../clock.js'
import type { Job } from '../protocol/job.js'
import { connectJobs, JobFailure } from '../worker/index.js'
import { fetchAs, type Target } from './target.js'

/** A program that was asked to end and does not is killed. */
const patienceMs = 10_000

/** What ends this process: its program ends with it, and then the job, before it goes itself. */
const endings = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

export interface Ran {
  readonly job: Job
  /** Null where it was not run, or a signal ended it. */
  readonly code: number | null
  /** False: the job had ended before. */
  readonly ran: boolean
}

/**
 * Runs a program as the worker of a job: ends with 0 → `completed`, anything else → `failed`. While it runs the lease is
 * renewed; where the job is cancelled the program gets SIGTERM. It finds the job's id in `TIDINGS_JOB`. A signal that would
 * end this process goes to the program, and no further attempt is begun; a second one kills it and gives up at once.
 */
export async function runCommand(
  hub: Target,
  id: string,
  command: readonly string[],
  note: (line: string) => void,
): Promise<Ran> {
  const jobs = connectJobs({ url: hub.url, fetch: fetchAs(hub), onError: (error) => note(String(error)) })
  const stop = new AbortController()
  let child: ChildProcess | null = null
  let code: number | null = null
  let ran = false
  const told = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      child?.kill('SIGKILL')
      jobs.close()
    } else {
      stop.abort()
      if (child) endChild(child, isFromTerminal(signal) ? null : signal)
    }
  }
  for (const signal of endings) process.on(signal, told)
  try {
    const work = async (_: unknown, signal: AbortSignal): Promise<void> => {
      if (stop.signal.aborted) throw new JobFailure('stopped', 'The worker was ended before its program began.')
      ran = true
      const program = spawn(command[0] as string, command.slice(1), {
        stdio: 'inherit',
        env: { ...process.env, TIDINGS_JOB: id },
      })
      child = program
      const ended = once(program, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
      const cancel = (): void => endChild(program, 'SIGTERM')
      signal.addEventListener('abort', cancel, { once: true })
      try {
        const [exitCode, exitSignal] = await ended
        code = exitCode
        if (exitCode !== 0)
          throw new JobFailure('exit', `The program ended with ${exitCode === null ? exitSignal : `code ${exitCode}`}.`)
      } finally {
        child = null
        signal.removeEventListener('abort', cancel)
      }
    }
    const job = await jobs.run(id, work, { stop: stop.signal })
    return { job, code, ran }
  } finally {
    for (const signal of endings) process.off(signal, told)
    jobs.close()
  }
}

/** Ctrl-C reaches the program too, without our doing; twice it would mean "at once" to many. */
const isFromTerminal = (signal: NodeJS.Signals): boolean => signal === 'SIGINT' && process.stdin.isTTY === true

/** `signal` null: it has been asked. */
function endChild(child: ChildProcess, signal: NodeJS.Signals | null): void {
  if (signal) child.kill(signal)
  const timer = systemClock.setTimer(() => child.kill('SIGKILL'), patienceMs)
  child.once('exit', () => timer.cancel())
}
