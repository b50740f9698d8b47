import type { JobsEngine } from '#src/jobs/jobs.js'
import type { JobCommand } from '#src/protocol/job.js'
import { seededRandom } from '#src/testing/index.js'
import { namespace } from './engine-fixture.js'

export interface Times {
  readonly leaseMs: number
  readonly startWithinMs: number
  readonly ttlMs: number
}

/**
 * Lives of `count` jobs at once that differ in how they go and how they end: never begun, left half-way, worked to their end,
 * failed, cancelled, deleted, run again; every second with two attempts, and five of ten in a group with one before them.
 */
export async function live(jobs: JobsEngine, round: number, count: number, times: Times): Promise<void> {
  const random = seededRandom(round)
  const nths = Array.from({ length: count }, (_, nth) => nth)
  const idOf = (nth: number): string => `r${round}-${nth}`
  const headOf = (nth: number): number => nth - (nth % 10)
  const create = (nth: number): Promise<unknown> =>
    jobs.create(namespace, {
      id: idOf(nth),
      owner: `user:${headOf(nth) % 70}`,
      kind: 'k',
      total: 3,
      attempts: 1 + (nth % 2),
      ...(nth % 10 > 4 && { parent: idOf(headOf(nth)) }),
      ...times,
    })
  await Promise.all(nths.filter((nth) => nth % 10 === 0).map(create))
  await Promise.all(nths.filter((nth) => nth % 10 !== 0).map(create))

  const error = { code: 'error', message: 'The job failed.', retryable: true }
  const work = async (id: string, fate: number): Promise<void> => {
    const send = (command: JobCommand) => jobs.command(namespace, id, command)
    if (fate < 0.1) return
    for (let done = 0; done < 3; done++)
      await send({
        id: `${done}`,
        action: 'update',
        increment: { processed: 1 },
        log: [{ level: 'info', message: 'x' }],
      })
    if (fate < 0.25) return
    if (fate < 0.35) await send({ id: 'x', action: 'cancel' })
    else if (fate < 0.5) await send({ id: 'f', action: 'fail', error })
    else if (fate < 0.6) await jobs.remove(namespace, id)
    else await send({ id: 'e', action: 'complete', result: { pages: 3 } })
    if (fate < 0.3) await jobs.retry(namespace, id, { id: `${id}-again` })
  }
  // One that is deleted or gone in the middle of its work is what some of these are about.
  await Promise.allSettled(nths.map((nth) => work(idOf(nth), random.fraction())))
}
