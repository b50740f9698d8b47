import type { Position } from '../protocol/cursor.js'
import { CoarseClock, coarseIntervalMs } from './coarse-clock.js'
import { eventBytes } from './event-size.js'
import { IdMemory } from './id-memory.js'
import { KeptEvents } from './kept-events.js'
import { LocalFeed } from './local-feed.js'
import { mergeLogs } from './merge-logs.js'
import { longestAgeMs, type ResolvedStoreLimits, retentionAgeMs } from './retention.js'
import { StateTable } from './state-table.js'
import { storedEvent } from './stored-event.js'
import type {
  Append,
  AppendResult,
  EventAnswer,
  Gap,
  Kept,
  NewEvent,
  ReadQuery,
  ReadResult,
  StatePage,
  StateQuery,
  StateRead,
  StoredEvent,
  TopicDescription,
  TopicPage,
  TopicQuery,
} from './store.js'
import { topicPage } from './topic-list.js'
import { TopicLog } from './topic-log.js'

/** By id, the number of what an append repeats. */
type KnownIds = Map<string, number>
/** Of an append of fresh ids alone: never written to. */
const nothingKnown: KnownIds = new Map()

/** Both times of one moment: `wallMs` for stamps, `steadyMs` (never falls, no date) for durations. */
export interface Moment {
  readonly wallMs: number
  readonly steadyMs: number
}

/** All that the memory store keeps of one namespace. Every method is one step: nothing in here waits. */
export class MemoryNamespace {
  readonly epoch: string
  readonly feed = new LocalFeed()
  readonly states = new StateTable()
  readonly ids: IdMemory
  readonly #limits: ResolvedStoreLimits
  readonly #coarse: CoarseClock
  readonly #logs = new Map<string, TopicLog>()
  /** By retention age: the number at or below which events were trimmed by age. */
  readonly #agedThrough = new Map<number, number>()
  #lastSeq = 0
  #lastStampMs = 0
  #logBytes = 0
  readonly #keptEvents = new KeptEvents()
  readonly #dropped = (event: StoredEvent): void => this.#keptEvents.drop(event)

  constructor(epoch: string, limits: ResolvedStoreLimits) {
    this.epoch = epoch
    this.#limits = limits
    this.ids = new IdMemory(limits.idWindow)
    const { ageMs, personalAgeMs } = limits.retention
    this.#coarse = new CoarseClock(coarseIntervalMs(Math.min(ageMs, personalAgeMs)))
  }

  get head(): Position {
    return { epoch: this.epoch, seq: this.#lastSeq }
  }

  append(append: Append, moment: Moment): AppendResult {
    this.ids.forget(moment.steadyMs)
    const claims = this.#checkIds(append)
    if ('outcome' in claims) return claims
    const states = append.states ?? []
    if (states.some((write) => (this.states.get(write.topic)?.version ?? 0) !== write.expect)) {
      return { outcome: 'conflict', states: states.map((write) => this.state(write.topic, moment)) }
    }
    const keptBytes = this.#logBytes + this.states.bytes
    if (keptBytes > this.#limits.quotaBytes && !append.exempt) {
      return { outcome: 'quota', keptBytes, quotaBytes: this.#limits.quotaBytes }
    }
    const timestamp = this.#stamp(moment)
    this.#coarse.note(timestamp, this.#lastSeq)
    for (const command of append.commands ?? []) this.ids.rememberCommand(command, moment.steadyMs)
    const events = append.events.map((event): EventAnswer => {
      const { id, fresh } = event
      const first = fresh ? undefined : claims.get(id)
      if (first !== undefined) return { id, seq: first, duplicate: true }
      const seq = this.#store(event, timestamp)
      this.ids.rememberEvent(event, seq, moment.steadyMs)
      if (!fresh) claims.set(id, seq)
      return { id, seq, duplicate: false }
    })
    for (const write of states) {
      this.states.write(write, moment.steadyMs)
      if (write.value === null) this.#eraseTopic(write.topic)
    }
    return { outcome: 'stored', position: this.head, timestamp, events }
  }

  read(query: ReadQuery): ReadResult {
    const topics = [...new Set(query.topics)]
    const { after, gaps } = this.#prove(topics, query.after)
    const { events, more } = mergeLogs(
      topics.flatMap((topic) => this.#logs.get(topic) ?? []),
      after ?? 0,
      query,
    )
    const upTo = more ? (events.at(-1)?.seq ?? this.#lastSeq) : this.#lastSeq
    const from = after ?? (events[0]?.seq ?? this.#lastSeq + 1) - 1
    return { events, from: { epoch: this.epoch, seq: from }, upTo: { epoch: this.epoch, seq: upTo }, more, gaps }
  }

  positionAt(timestampMs: number): Position {
    const seq = timestampMs > this.#lastStampMs ? this.#lastSeq : this.#coarse.before(timestampMs)
    return { epoch: this.epoch, seq }
  }

  state(topic: string, moment: Moment): StateRead {
    const record = this.states.get(topic)
    const state = record ? { topic, version: record.version, value: record.value } : null
    return { state, upTo: this.head, timestamp: Math.max(moment.wallMs, this.#lastStampMs) }
  }

  listStates(query: StateQuery): StatePage {
    const before = query.after === undefined ? Number.POSITIVE_INFINITY : Number(query.after)
    const { records, more } = this.states.list(query.group, before, query.limit)
    const last = records.at(-1)
    return {
      states: records.map(({ topic, version, value }) => ({ topic, version, value })),
      upTo: this.head,
      ...(more && last && { next: String(last.made) }),
    }
  }

  topics(query: TopicQuery): TopicPage {
    return { ...topicPage(this.#logs, query), epoch: this.epoch }
  }

  describe(topic: string): TopicDescription {
    const log = this.#logs.get(topic)
    return {
      first: log?.first ?? null,
      last: log?.last ?? null,
      count: log?.count ?? 0,
      bytes: log?.bytes ?? 0,
      epoch: this.epoch,
    }
  }

  kept({ steadyMs }: Moment): Kept {
    const bytes = this.#logBytes + this.states.bytes
    return {
      events: this.#keptEvents.count,
      topics: this.#logs.size,
      bytes,
      quotaShare: bytes / this.#limits.quotaBytes,
      ...this.states.counted,
      ids: this.ids.window(steadyMs).ids,
      idWindowMs: this.ids.recognisedMs(steadyMs),
    }
  }

  erase(topic: string): void {
    this.states.remove(topic)
    this.#eraseTopic(topic)
  }

  maintain(moment: Moment): void {
    this.ids.forget(moment.steadyMs)
    const { retention } = this.#limits
    const nowMs = Math.max(moment.wallMs, this.#lastStampMs)
    this.#coarse.note(nowMs, this.#lastSeq)
    for (const ageMs of [retention.ageMs, retention.personalAgeMs]) {
      this.#agedThrough.set(ageMs, Math.max(this.#aged(ageMs), this.#coarse.through(nowMs - ageMs)))
    }
    this.#coarse.forget(nowMs - longestAgeMs(retention))
    for (const [topic, log] of this.#logs) {
      const through = this.#aged(retentionAgeMs(retention, topic))
      this.#logBytes -= log.trimThrough(through)
      if (log.isForgettable(through)) this.#logs.delete(topic)
    }
  }

  /** The number of each event that is known already, or the answer where an id decides. */
  #checkIds(append: Append): KnownIds | AppendResult {
    const commands = append.commands ?? []
    if (commands.length === 0 && append.events.every(({ fresh }) => fresh)) return nothingKnown
    const repeated = commands.filter((command) => typeof this.ids.recognise(command, 'command') === 'object')
    if (repeated.length > 0) return { outcome: 'repeated', ids: repeated.map(({ id }) => id) }
    const known = new Map<string, number>()
    const here = new Map<string, string>()
    for (const [kind, claims] of [
      ['command', commands],
      ['event', append.events],
    ] as const) {
      for (const claim of claims) {
        const content = `${kind} ${claim.digest}`
        const recognition = this.ids.recognise(claim, kind)
        if (recognition === 'reused' || (here.get(claim.id) ?? content) !== content) {
          return { outcome: 'reused', id: claim.id }
        }
        here.set(claim.id, content)
        if (typeof recognition === 'object' && recognition.seq !== null) known.set(claim.id, recognition.seq)
      }
    }
    return known
  }

  #prove(topics: readonly string[], after: ReadQuery['after']): { after: number | null; gaps: readonly Gap[] } {
    if (after === 'start') return { after: null, gaps: [] }
    const whole = (reason: Gap['reason']) => ({ after: null, gaps: topics.length > 0 ? [{ reason, topics }] : [] })
    if (after.epoch !== this.epoch) return whole('epoch')
    if (after.seq > this.#lastSeq) return whole('unknown')
    const byReason = new Map<Gap['reason'], string[]>()
    for (const topic of topics) {
      const aged = this.#aged(retentionAgeMs(this.#limits.retention, topic))
      const log = this.#logs.get(topic)
      const reason = log ? log.gapAfter(after.seq) : after.seq < aged ? 'expired' : null
      if (reason) byReason.set(reason, [...(byReason.get(reason) ?? []), topic])
    }
    // What such a topic still keeps lies after the position, so the reader goes on from where it was.
    return { after: after.seq, gaps: [...byReason].map(([reason, those]) => ({ reason, topics: those })) }
  }

  /** Keeps the event under the next number, which it returns. */
  #store(event: NewEvent, timestamp: number): number {
    const prev = this.#lastSeq++
    const { epoch } = this
    const seq = this.#lastSeq
    const stored = storedEvent(event, seq, timestamp)
    const bytes = eventBytes(stored)
    this.#keptEvents.add(stored)
    for (const topic of stored.topics) this.#keep(topic, stored, bytes)
    if (this.feed.followers > 0) this.feed.announce({ epoch, seq, prev, topics: stored.topics, event: stored })
    return seq
  }

  #keep(topic: string, event: StoredEvent, bytes: number): void {
    let log = this.#logs.get(topic)
    if (!log) {
      log = new TopicLog(this.#aged(retentionAgeMs(this.#limits.retention, topic)), this.#dropped)
      this.#logs.set(topic, log)
    }
    this.#logBytes += log.add(event, bytes) - log.trimToSize(this.#limits.retention)
  }

  #eraseTopic(topic: string): void {
    this.#logBytes -= this.#logs.get(topic)?.erase() ?? 0
  }

  #aged(ageMs: number): number {
    return this.#agedThrough.get(ageMs) ?? 0
  }

  /** A clock that goes back must not take the stamps along: readers sort and search by them. */
  #stamp(moment: Moment): number {
    this.#lastStampMs = Math.max(this.#lastStampMs, moment.wallMs)
    return this.#lastStampMs
  }
}
