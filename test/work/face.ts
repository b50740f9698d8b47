import type { DeclaredEvents } from '#src/protocol/declared-events.js'
import type { Job, JobCommand } from '#src/protocol/job.js'
import { seededRandom } from '#src/testing/index.js'
import { createJobsFace } from '#src/work/jobs.js'
import { bench, namespace } from '../jobs/engine-fixture.js'

/** A face whose commands are seen on their way, and can be kept from arriving: `fail` throws what the way there throws. */
export function watched({
  remote = false,
  events,
}: {
  readonly remote?: boolean
  readonly events?: DeclaredEvents
} = {}) {
  const { engine, clock, errors, store } = bench(undefined, undefined, events)
  const jobs = engine()
  const commands: JobCommand[] = []
  const way: {
    fail(command: JobCommand): void
    lose(command: JobCommand): void
    read(): void
    /** Told of who follows a job, so that a test may tell them something too. */
    followed(changed: (job: Job) => void): void
  } = {
    fail: () => {},
    lose: () => {},
    read: () => {},
    followed: () => {},
  }
  const closing = new AbortController()
  let id = 0
  const face = createJobsFace(
    {
      remote,
      create: (newJob) => jobs.create(namespace, newJob),
      retry: (jobId, newId) => jobs.retry(namespace, jobId, { id: newId }),
      async command(jobId, command) {
        commands.push(command)
        way.fail(command)
        const answer = await jobs.command(namespace, jobId, command)
        way.lose(command)
        return answer
      },
      async snapshot(jobId) {
        way.read()
        return await jobs.snapshot(namespace, jobId)
      },
      list: (query) => jobs.list(namespace, query),
      follow(jobId, changed) {
        way.followed(changed)
        return jobs.follow(namespace, jobId, changed)
      },
    },
    {
      clock,
      random: seededRandom(5),
      makeId: () => `made-${id++}`,
      onError: (error) => errors.push(error),
      closing: closing.signal,
    },
  )
  return { face, jobs, clock, errors, store, commands, way, close: () => closing.abort() }
}
