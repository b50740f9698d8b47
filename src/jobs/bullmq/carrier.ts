import { TidingsError } from '../../errors.js'
import { isEnded } from '../../protocol/job.js'
import type { Copier } from './copier.js'
import { type CopiedState, type Copy, copiedOf } from './copied.js'
import { again, copiesOf, isRerun, logCopies, mayBeRetry, runsOf, standingOf, vanished } from './mapping.js'
import { type Life, hashOf } from './position.js'
import { type BullJob, type Entry, isBehind } from './queue.js'
import type { BullMQSettings } from './settings.js'

/** What this node knows of a BullMQ job that has not ended, to look after it. */
export interface Carried {
  readonly id: string
  lines: number
  running: boolean
  /** The store's stamp of the last sign of life, and when it was seen here, on the monotonic clock. */
  leasedAt: number
  renewedAt: number
  /** Looks in a row at which the queue did not hold it as an unfinished job. */
  missed: number
}

/** Most BullMQ jobs of which a node remembers that they are nobody's. */
const mostIgnored = 10_000

/** The id of the job that a BullMQ job becomes. `life`: 1, or which run anew after its end. */
export function jobIdOf(prefix: string, queue: string, bullJobId: string, life = 1): string {
  return `bullmq-${hashOf([prefix, queue, bullJobId, life])}`
}

/** Carries the history of single BullMQ jobs into jobs. */
export class Carrier {
  /** Jobs that have not ended, by BullMQ's id. */
  readonly open = new Map<string, Carried>()
  /** Kept with the position, see {@link Life}. */
  lives: Record<string, Life> = {}
  readonly #settings: BullMQSettings
  readonly #copier: Copier
  readonly #ignored = new Set<string>()

  constructor(settings: BullMQSettings, copier: Copier) {
    this.#settings = settings
    this.#copier = copier
  }

  idOf(bullId: string): string {
    return jobIdOf(this.#settings.prefix, this.#settings.queue.name, bullId, this.lives[bullId]?.number)
  }

  /** Copies the entries of one job, in their order. Can be done again: what was copied is not copied twice. */
  async carry(bullId: string, entries: readonly Entry[]): Promise<void> {
    // Of a job that nobody owns there is nothing to say, until it begins anew with other data.
    if (this.#ignored.has(bullId) && !entries.some((entry) => entry.event === 'added')) return
    let job: Promise<BullJob | undefined> | undefined
    const look = (): Promise<BullJob | undefined> => (job ??= this.#settings.queue.getJob(bullId))
    const copies: Copy[] = await this.#newLines(bullId)
    for (const [at, entry] of entries.entries()) {
      if (entry.event === 'added' || isRerun(entry)) {
        if (at > 0 && copies.length > 0) await this.#apply(bullId, copies.splice(0), look)
        await this.#begin(bullId, entry, look)
        copies.push(...(await this.#newLines(bullId)))
      } else {
        if (mayBeRetry(entry, entries[at + 1])) {
          copies.push(again(await look(), this.lives[bullId]?.runsBefore ?? 0, this.#settings, entry))
        }
        copies.push(...this.#said(entry))
      }
    }
    await this.#apply(bullId, copies, look)
  }

  /**
   * Brings a job to where the queue has it now. One that the queue no longer has may have ended in entries that are still to
   * come: `gone` says that there are none.
   */
  async settle(bullId: string, gone = false): Promise<void> {
    const { queue } = this.#settings
    // In this order: a job that ends in between is told as active, and its end comes with its entry.
    const state = await queue.getJobState(bullId)
    const job = await queue.getJob(bullId)
    if (!job || state === 'unknown') {
      const carried = this.open.get(bullId)
      if (gone) await this.#apply(bullId, [vanished], async () => undefined)
      else if (carried) carried.missed = Math.max(1, carried.missed)
      return
    }
    const lines = await this.#newLines(bullId)
    const retry = again(job, this.lives[bullId]?.runsBefore ?? 0, this.#settings)
    await this.#apply(bullId, [...lines, retry, ...standingOf(job, state, this.#settings)], async () => job)
  }

  /** Lines that a worker has logged since the last look. BullMQ announces none. */
  async lookForLines(bullId: string): Promise<void> {
    const lines = await this.#newLines(bullId)
    if (lines.length > 0) await this.#apply(bullId, lines, async () => undefined)
  }

  async renew(bullId: string): Promise<void> {
    await this.#apply(bullId, [{ say: { what: 'renew' } }], async () => undefined)
  }

  /** Takes note of a job that an earlier process has left. */
  remember(bullId: string, id: string): void {
    if (id === this.idOf(bullId) && !this.open.has(bullId)) {
      const unknown = { lines: -1, running: true, leasedAt: 0, renewedAt: Number.NEGATIVE_INFINITY, missed: 0 }
      this.open.set(bullId, { id, ...unknown })
    }
  }

  /** A new job, or one that has ended and begins anew: its first stays as it ended (J3). */
  async #begin(bullId: string, entry: Entry, look: () => Promise<BullJob | undefined>): Promise<void> {
    this.#ignored.delete(bullId)
    const life = this.lives[bullId]
    const before = await this.#copier.read(this.idOf(bullId))
    const isOld = before && !isBehind(entry.at, copiedOf(before).at)
    if (!before || isOld || !isEnded(before.job.status)) return await this.#apply(bullId, [], look)
    const job = await look()
    const number = (life?.number ?? 1) + 1
    const runsBefore = job && isRerun(entry) ? runsOf(job) : 0
    const id = jobIdOf(this.#settings.prefix, this.#settings.queue.name, bullId, number)
    if (isRerun(entry)) await known(this.#settings.jobs.retry(before.job.id, { id }))
    else if (!job || !(await this.#create(id, bullId, job))) return
    this.lives = { ...this.lives, [bullId]: { number, runsBefore, sinceMs: entry.at[0] } }
    // A job that is run again keeps its log, of which the first lines are the earlier job's.
    const lines = isRerun(entry) ? copiedOf(before).lines : 0
    await this.#apply(bullId, [{ at: [...entry.at, 1], say: { what: 'skip', lines } }], look)
  }

  async #apply(bullId: string, copies: readonly Copy[], look: () => Promise<BullJob | undefined>): Promise<void> {
    if (this.#ignored.has(bullId)) return
    const id = this.idOf(bullId)
    let state = await this.#copier.apply(id, copies)
    if (!state) {
      const job = await look()
      if (!job || isOver(job, this.#settings) || !(await this.#create(id, bullId, job))) return
      state = await this.#copier.apply(id, copies)
    }
    if (state) this.#note(bullId, id, state)
  }

  async #create(id: string, bullId: string, job: BullJob): Promise<boolean> {
    const { jobs, queue, leaseMs, startWithinMs, ttlMs, onError } = this.#settings
    try {
      const owner = await this.#settings.ownerOf(job)
      if (owner === null) return this.#ignore(bullId)
      const data = this.#settings.metaOf(job)
      const newJob = {
        id,
        owner,
        kind: this.#settings.kindOf(job),
        attempts: Math.min(100, Math.max(1, job.opts.attempts ?? 1)),
        meta: { queue: queue.name, jobId: bullId, ...(data !== undefined && { data }) },
        leaseMs,
        startWithinMs: Math.min(startWithinMs + (job.delay ?? 0), 365 * 24 * 3_600_000),
        ttlMs,
      }
      await known(jobs.create(newJob))
      return true
    } catch (error) {
      if (error instanceof TidingsError && error.retryable) throw error
      onError(error)
      return this.#ignore(bullId)
    }
  }

  #ignore(bullId: string): false {
    this.#ignored.add(bullId)
    if (this.#ignored.size > mostIgnored) this.#ignored.delete(this.#ignored.values().next().value as string)
    return false
  }

  #note(bullId: string, id: string, state: CopiedState): void {
    if (isEnded(state.job.status)) {
      this.open.delete(bullId)
      return
    }
    const { leasedAt } = state
    const before = this.open.get(bullId)
    const renewedAt = before?.leasedAt === leasedAt ? before.renewedAt : this.#settings.core.clock.monotonic()
    const running = state.job.status === 'running'
    this.open.set(bullId, { id, lines: copiedOf(state).lines, running, leasedAt, renewedAt, missed: 0 })
  }

  async #newLines(bullId: string): Promise<Copy[]> {
    if (!this.#settings.logs) return []
    let from = this.open.get(bullId)?.lines ?? -1
    if (from < 0) {
      const state = await this.#copier.read(this.idOf(bullId))
      if (state && isEnded(state.job.status)) return []
      from = state ? copiedOf(state).lines : 0
    }
    const { logs } = await this.#settings.queue.getJobLogs(bullId, from, -1)
    return logCopies(logs, from)
  }

  /** What an entry says; one that cannot be said is reported and left out. */
  #said(entry: Entry): Copy[] {
    try {
      return copiesOf(entry, this.#settings)
    } catch (error) {
      this.#settings.onError(error)
      return []
    }
  }
}

/** Ended so long ago that it would be gone by now: not brought back. */
function isOver({ finishedOn }: BullJob, { core, ttlMs }: BullMQSettings): boolean {
  return finishedOn !== undefined && finishedOn !== null && finishedOn < core.clock.now() - ttlMs
}

/** Another node, or this one before a crash, has made it; perhaps from what the data said then. */
async function known(made: Promise<unknown>): Promise<void> {
  try {
    await made
  } catch (error) {
    if (!(error instanceof TidingsError) || !['id_reused', 'job_active', 'not_found'].includes(error.code)) throw error
  }
}
