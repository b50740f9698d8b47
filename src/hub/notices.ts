import type { GapNotice } from '../protocol/control.js'
import { type Position, formatCursor } from '../protocol/cursor.js'
import type { ReadResult } from '../store/store.js'
import { Frame } from './frame.js'
import type { HubContext } from './context.js'
import type { Interest } from './interest.js'
import type { Outlet } from './outlet.js'
import { type Opening, gapKey, isFoundAgain } from './start.js'

/** What one reader is told beside events on its way to being live: gaps, each once, and jobs as they stand, before their events (D4). */
export class Notices {
  readonly #context: HubContext
  readonly #namespace: string
  readonly #outlet: Outlet
  readonly #interest: Interest
  /** Gaps that have been told and are not behind the reader yet: reads that still begin before them find them again. */
  #told: ReadonlySet<string> = none
  /** Job topics whose state the reader is still to get. */
  #owed: readonly string[] = []

  constructor(context: HubContext, namespace: string, outlet: Outlet, interest: Interest) {
    this.#context = context
    this.#namespace = namespace
    this.#outlet = outlet
    this.#interest = interest
  }

  get owing(): boolean {
    return this.#owed.length > 0
  }

  begin({ told, gaps, snapshotTopics }: Opening): void {
    this.#told = told
    for (const gap of gaps) this.#tellGap(gap)
    this.#owed = snapshotTopics
  }

  /** Tells the gaps of a read after `before` that were not told before. */
  cross(page: ReadResult, before: Position): void {
    const { gaps, from } = page
    const told = new Set(isFoundAgain(page, before) ? this.#told : none)
    const news = new Set<string>()
    for (const { reason, topics } of gaps) {
      const untold = topics.filter((topic) => !told.has(gapKey(reason, topic)))
      for (const topic of untold) {
        told.add(gapKey(reason, topic))
        news.add(topic)
      }
      if (untold.length > 0) this.#tellGap({ reason, topics: untold, cursor: formatCursor(from) })
    }
    this.#told = told
    this.#owed = [...new Set([...this.#owed, ...news])].filter((topic) => topic.startsWith('job:'))
  }

  /** The reader has taken `page` whole: only gaps that the next read finds again are remembered. */
  passed(page: ReadResult, before: Position): void {
    const { gaps, events } = page
    if (gaps.length === 0 || !isFoundAgain(page, before)) {
      this.#told = none
      return
    }
    const passed = new Set(events.flatMap(({ topics }) => topics))
    this.#told = new Set(
      gaps.flatMap(({ reason, topics }) =>
        topics.filter((topic) => !passed.has(topic)).map((topic) => gapKey(reason, topic)),
      ),
    )
  }

  /** Sends the snapshots that are owed, while `wanted`; what fails is still owed. */
  async send(epoch: string, wanted: () => boolean): Promise<void> {
    for (let topic = this.#owed[0]; topic !== undefined; topic = this.#owed[0]) {
      const snapshot = await this.#context.snapshot(this.#namespace, topic)
      if (!wanted()) return
      this.#owed = this.#owed.slice(1)
      if (snapshot && this.#interest.maySee(snapshot, topic)) this.#tellJob(snapshot, topic, epoch)
    }
  }

  #tellGap(gap: GapNotice): void {
    tellGap(this.#context, this.#outlet, this.#interest.topics, gap)
  }

  #tellJob({ job, position }: JobSnapshot, topic: string, epoch: string): void {
    this.#outlet.push(Frame.ofControl('snapshot', { job, cursor: formatCursor(position) }))
    if (position.epoch === epoch) this.#interest.raiseFloor(topic, position.seq)
  }
}

/** Tells a reader of `topics` that history is missing. */
export function tellGap({ counters }: HubContext, outlet: Outlet, topics: readonly string[], gap: GapNotice): void {
  counters.gaps++
  counters.gapsBy[gap.reason]++
  // By its first too: who reads everything is told of single topics.
  const everything = gap.topics?.length === topics.length && topics.includes(gap.topics[0] as string)
  outlet.push(Frame.ofControl('gap', everything ? { reason: gap.reason, cursor: gap.cursor } : gap))
}

export type JobSnapshot = NonNullable<Awaited<ReturnType<HubContext['snapshot']>>>

const none: ReadonlySet<string> = new Set()
