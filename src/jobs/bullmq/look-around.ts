import type { Timer } from '../../clock.js'
import { TidingsError } from '../../errors.js'
import type { Carrier } from './carrier.js'
import { inParallel } from './parallel.js'
import type { BullMQSettings } from './settings.js'

/** Looks at which a job must be missing before it counts as gone: its last entry may still be on its way. */
const missedLooks = 2
/** Jobs at which one look asks the queue one by one. */
const askedAtOnce = 200
/** A job that is not active is asked for at every so manieth look: once a minute. */
const looksPerAsking = 30

/** The store fails for all jobs alike. */
const isAway = (error: unknown): boolean =>
  error instanceof TidingsError && (error.code === 'store_unavailable' || error.code === 'closed')

/**
 * What the stream does not tell: new lines of the log, that a job is still being worked on, and that one has gone without a
 * word (a drained or cleaned queue).
 */
export class LookAround {
  readonly #settings: BullMQSettings
  readonly #carrier: Carrier
  #timer: Timer | null = null
  #looking: Promise<void> = Promise.resolve()
  #stopped = false
  /** What the last look failed with. */
  #failures = new Set<string>()
  #looks = 0
  readonly #isCaughtUp: () => boolean

  /** `isCaughtUp`: nothing is known to be in the stream that has not been copied. */
  constructor(settings: BullMQSettings, carrier: Carrier, isCaughtUp: () => boolean) {
    this.#settings = settings
    this.#carrier = carrier
    this.#isCaughtUp = isCaughtUp
  }

  start(): void {
    const { core, lookMs, onError } = this.#settings
    const again = (): void => {
      if (this.#stopped) return
      this.#timer = core.clock.setTimer(() => {
        const failures = new Map<string, unknown>()
        const note = (error: unknown): void => void failures.set(String(error), error)
        this.#looking = this.#look(note)
          .catch(note)
          .then(() => {
            // Once: while Redis or the store is away, every look fails alike.
            for (const [text, error] of failures) if (!this.#failures.has(text) && !this.#stopped) onError(error)
            this.#failures = new Set(failures.keys())
            again()
          })
      }, lookMs)
    }
    again()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#looking
  }

  /** Jobs of this queue that an earlier process has left unfinished. */
  async rememberOpen(): Promise<void> {
    const { jobs, queue } = this.#settings
    for (const status of ['running', 'queued'] as const) {
      let after: string | undefined
      do {
        const page = await jobs.list({ status, limit: 1_000, after })
        for (const { id, meta } of page.jobs) {
          const { queue: name, jobId } = (meta ?? {}) as { readonly queue?: unknown; readonly jobId?: unknown }
          if (name === queue.name && typeof jobId === 'string') this.#carrier.remember(jobId, id)
        }
        after = page.next
      } while (after !== undefined && !this.#stopped)
    }
  }

  /** A job for which something fails is none of the others' business: it is told to `failed`, and the look goes on. */
  async #look(failed: (error: unknown) => void): Promise<void> {
    const { core, queue, logs, leaseMs } = this.#settings
    const { open } = this.#carrier
    if (open.size === 0) return
    const each = (bullIds: readonly string[], work: (bullId: string) => Promise<void>): Promise<void> =>
      inParallel(bullIds, async (bullId) => {
        try {
          await work(bullId)
        } catch (error) {
          if (isAway(error)) throw error
          failed(error)
        }
      })
    const now = core.clock.monotonic()
    const active = new Set(await queue.getRanges(['active']))
    const due = [...open].filter(([, { running, renewedAt }]) => running && now - renewedAt > leaseMs / 3)
    const dueIds = due.map(([bullId]) => bullId)
    // First: what follows may take its time. A job that is gone is found missing all the same.
    await each(dueIds, async (bullId) => {
      if (open.get(bullId)?.missed === 0) await this.#carrier.renew(bullId)
    })
    if (logs) {
      const mine = [...active].filter((bullId) => open.has(bullId))
      await each(mine, (bullId) => this.#carrier.lookForLines(bullId))
    }
    const isAsking = ++this.#looks % looksPerAsking === 0
    const idle = isAsking ? [...open.keys()].filter((bullId) => !active.has(bullId)) : []
    const asked = [...idle, ...dueIds.filter((bullId) => !active.has(bullId))]
    const suspects = [...open].filter(([, { missed }]) => missed > 0).map(([bullId]) => bullId)
    await each([...new Set([...suspects, ...asked])].slice(0, askedAtOnce), (bullId) => this.#ask(bullId))
  }

  async #ask(bullId: string): Promise<void> {
    const carried = this.#carrier.open.get(bullId)
    if (!carried) return
    const state = await this.#settings.queue.getJobState(bullId)
    if (state !== 'unknown' && state !== 'completed' && state !== 'failed') {
      carried.missed = 0
      return
    }
    if (!this.#isCaughtUp()) return
    carried.missed++
    if (carried.missed > missedLooks) await this.#carrier.settle(bullId, true)
  }
}
