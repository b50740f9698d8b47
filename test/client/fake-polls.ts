import type { GapReason } from '#src/protocol/control.js'
import type { Job } from '#src/protocol/job.js'
import type { FakeClock } from '#src/testing/fake-clock.js'
import { envelopeFor, type Fault, type Logged } from './fake-network.js'

interface Ask {
  readonly topics: readonly string[]
  readonly cursor: string | null
  /** Where it begins without a cursor; null: from now. */
  readonly since: string | null
  readonly fault: Fault
  readonly signal: AbortSignal
  readonly waitMs: number
}

/** What polls need of the hub they belong to. */
interface Hub {
  readonly epoch: string
  readonly head: string
  readonly log: readonly Logged[]
  readonly jobs: ReadonlyMap<string, Job>
  /** A proxy cuts answers that are held longer than this. */
  readonly heldMs: number
  start(cursor: string | null): { readonly after: number; readonly gap: GapReason | null }
}

/** Small, so that readers meet answers that do not hold everything. */
const pageEvents = 4

/** The polls of a fake hub: what its streams would have sent, in slices. */
export class FakePolls {
  readonly #hub: Hub
  readonly #clock: FakeClock
  readonly #held = new Set<{ look: () => void; cut: () => void }>()

  constructor(hub: Hub, clock: FakeClock) {
    this.#hub = hub
    this.#clock = clock
  }

  get held(): number {
    return this.#held.size
  }

  published(): void {
    for (const { look } of [...this.#held]) look()
  }

  cut(): void {
    for (const { cut } of [...this.#held]) cut()
  }

  async answer(ask: Ask): Promise<Response> {
    if (ask.waitMs > 0 && !this.#news(ask)) await this.#hold(ask)
    const body = JSON.stringify(this.#body(ask))
    // Half of what makes it late is the way back: by then it is old.
    if (ask.fault.lateMs) await late(this.#clock, ask.fault.lateMs / 2, ask.signal)
    // An answer that is cut short is no JSON.
    const whole = ask.fault.bytes === undefined || ask.fault.bytes >= body.length
    return new Response(whole ? body : body.slice(0, ask.fault.bytes), {
      headers: { 'Content-Type': 'application/json' },
    })
  }

  #hold(ask: Ask): Promise<void> {
    const { signal, waitMs } = ask
    return new Promise((resolve, reject) => {
      const done = (error?: unknown): void => {
        timer.cancel()
        this.#held.delete(entry)
        if (error === undefined) resolve()
        else reject(error)
      }
      const cut = (): void => done(new TypeError('fetch failed'))
      const { heldMs } = this.#hub
      const timer = this.#clock.setTimer(heldMs < waitMs ? cut : () => done(), Math.min(heldMs, waitMs))
      const entry = { cut, look: () => this.#news(ask) && done() }
      this.#held.add(entry)
      signal.addEventListener('abort', () => done(signal.reason))
    })
  }

  #news({ topics, cursor, since }: Ask): boolean {
    const { after, gap } = this.#hub.start(cursor ?? since)
    const wanted = new Set(topics)
    return gap !== null || this.#hub.log.some((event) => event.seq > after && envelopeFor(event, wanted))
  }

  #body({ topics, cursor, since, fault }: Ask) {
    const hub = this.#hub
    const { after, gap } = hub.start(cursor ?? since)
    const wanted = new Set(topics)
    const all = hub.log.filter((event) => event.seq > after && envelopeFor(event, wanted))
    const begun = cursor !== null || since !== null
    const page = begun ? all.slice(0, pageEvents) : []
    const more = begun && all.length > page.length
    const at = `${hub.epoch}.${after}`
    const jobs = topics.flatMap((topic) => (topic.startsWith('job:') ? (hub.jobs.get(topic.slice(4)) ?? []) : []))
    return {
      protocol: 1,
      events: page.flatMap((event) => {
        const envelope = envelopeFor(event, wanted)
        return fault.twice ? [envelope, envelope] : [envelope]
      }),
      cursor: more ? `${hub.epoch}.${page.at(-1)?.seq}` : hub.head,
      upToDate: !more,
      heartbeatMs: 25_000,
      ...(gap && { gaps: [{ reason: gap, cursor: at }] }),
      ...((gap || (cursor === null && !since)) && { snapshots: jobs.map((job) => ({ job, cursor: hub.head })) }),
    }
  }
}

/** Rejects when `signal` fires. */
export async function late(clock: FakeClock, ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = clock.setTimer(resolve, ms)
    signal.addEventListener('abort', () => {
      timer.cancel()
      reject(signal.reason)
    })
  })
}
