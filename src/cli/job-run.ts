import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { systemClock } from '../clock.js'
import type { Job } from '../protocol/job.js'
import { connectJobs, JobFailure } from '../worker/index.js'
import { fetchAs, type Target } from './target.js'

/** A program that was asked to end and does not is killed. */
const patienceMs = 10_000

/**
 * Runs a program as the worker of a job: ends with 0 → `completed`, anything else → `failed`. While it runs the lease is
 * renewed; where the job is cancelled the program gets SIGTERM. It finds the job's id in `TIDINGS_JOB`.
 */
export async function runCommand(
  hub: Target,
  id: string,
  command: readonly string[],
  note: (line: string) => void,
): Promise<{ readonly job: Job; readonly code: number | null }> {
  const jobs = connectJobs({ url: hub.url, fetch: fetchAs(hub), onError: (error) => note(String(error)) })
  let code: number | null = null
  try {
    const job = await jobs.run(id, async (_, signal) => {
      const child = spawn(command[0] as string, command.slice(1), {
        stdio: 'inherit',
        env: { ...process.env, TIDINGS_JOB: id },
      })
      const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
      const stop = (): void => endChild(child)
      signal.addEventListener('abort', stop, { once: true })
      try {
        const [exitCode, exitSignal] = await ended
        code = exitCode
        if (exitCode !== 0)
          throw new JobFailure('exit', `The program ended with ${exitCode === null ? exitSignal : `code ${exitCode}`}.`)
      } finally {
        signal.removeEventListener('abort', stop)
      }
    })
    return { job, code }
  } finally {
    jobs.close()
  }
}

function endChild(child: ChildProcess): void {
  child.kill('SIGTERM')
  const timer = systemClock.setTimer(() => child.kill('SIGKILL'), patienceMs)
  child.once('exit', () => timer.cancel())
}
