import type { JobCommand } from '#src/protocol/job.js'
import { seededRandom } from '#src/testing/index.js'
import { createJobsFace } from '#src/work/jobs.js'
import { bench, namespace } from '../jobs/engine-fixture.js'

/** A face whose commands are seen on their way, and can be kept from arriving: `fail` throws what the way there throws. */
export function watched({ remote = false } = {}) {
  const { engine, clock, errors, store } = bench()
  const jobs = engine()
  const commands: JobCommand[] = []
  const way: { fail(command: JobCommand): void; lose(command: JobCommand): void; read(): void } = {
    fail: () => {},
    lose: () => {},
    read: () => {},
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
      follow: (jobId, changed) => jobs.follow(namespace, jobId, changed),
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
