import { eventBytes } from '../event-size.js'
import type { ResolvedStoreLimits } from '../retention.js'
import type { Append, AppendResult, EventAnswer, NewEvent, StateRead } from '../store.js'
import { distinct } from '../stored-event.js'
import type { Ids, KnownId } from './ids.js'
import { type Ledger, type NamespaceRecord, positionOf, type TopicRecord } from './ledger.js'
import type { Log } from './log.js'
import type { Moments } from './moments.js'
import type { StoreTime } from './requests.js'
import type { States } from './states.js'
import type { Trim } from './trim.js'

export interface AppendParts {
  readonly ledger: Ledger
  readonly log: Log
  readonly ids: Ids
  readonly states: States
  readonly moments: Moments
  readonly trim: Trim
}

/**
 * The four steps of an append. All that can refuse it is looked at before the first write, so a refused append of a group
 * leaves nothing to undo and the others stand.
 */
export class Appends {
  readonly #parts: AppendParts
  readonly #limits: ResolvedStoreLimits

  constructor(parts: AppendParts, limits: ResolvedStoreLimits) {
    this.#parts = parts
    this.#limits = limits
  }

  append(namespace: NamespaceRecord, append: Append, time: StoreTime): AppendResult {
    const known = this.#checkIds(namespace, append)
    if ('outcome' in known) return known
    const refused = this.#checkStates(namespace, append, time) ?? this.#checkQuota(namespace, append)
    if (refused) return refused

    const { ids, moments, states, trim, ledger } = this.#parts
    // A clock that goes back must not take the stamps along: readers sort and search by them.
    namespace.timestamp = Math.max(namespace.timestamp, time.wallMs)
    const { timestamp } = namespace
    ledger.changed(namespace)
    moments.note(namespace, timestamp)
    const commands = new Map((append.commands ?? []).map(({ id, digest }) => [id, digest]))
    for (const [id, digest] of commands) ids.remember(namespace, id, digest, null, time.steadyMs)
    const grown = new Set<TopicRecord>()
    const events = append.events.map((event): EventAnswer => {
      const first = known.get(event.id)
      if (first !== undefined) return { id: event.id, seq: first, duplicate: true }
      const seq = ++namespace.last
      this.#keep(namespace, event, seq, timestamp, grown)
      ids.remember(namespace, event.id, event.digest, seq, time.steadyMs)
      known.set(event.id, seq)
      return { id: event.id, seq, duplicate: false }
    })
    for (const topic of grown) trim.toSize(namespace, topic)
    for (const write of append.states ?? []) {
      states.write(namespace, write, time.steadyMs)
      if (write.value === null) trim.erase(namespace, write.topic)
    }
    return { outcome: 'stored', position: positionOf(namespace), timestamp, events }
  }

  readState(namespace: NamespaceRecord, topic: string, time: StoreTime): StateRead {
    const state = this.#parts.states.find(namespace, topic)
    return { state, upTo: positionOf(namespace), timestamp: Math.max(time.wallMs, namespace.timestamp) }
  }

  /** The number of each event that is known already, or the answer where an id decides. */
  #checkIds(namespace: NamespaceRecord, append: Append): Map<string, number> | AppendResult {
    const { ids } = this.#parts
    const commands = append.commands ?? []
    const found = commands.map(({ id }) => ids.find(namespace, id))
    const repeated = commands.filter(({ digest }, at) => isRepeated(found[at], digest, true)).map(({ id }) => id)
    if (repeated.length > 0) return { outcome: 'repeated', ids: repeated }
    const here = new Map<string, string>()
    for (const [at, { id, digest }] of commands.entries()) {
      if (found[at] || (here.get(id) ?? digest) !== digest) return { outcome: 'reused', id }
      here.set(id, digest)
    }
    const known = new Map<string, number>()
    const events = new Map<string, string>()
    for (const { id, digest, fresh } of append.events) {
      const before = fresh ? undefined : ids.find(namespace, id)
      if (before && !isRepeated(before, digest, false)) return { outcome: 'reused', id }
      if (here.has(id) || (events.get(id) ?? digest) !== digest) return { outcome: 'reused', id }
      events.set(id, digest)
      if (before) known.set(id, before.seq ?? 0)
    }
    return known
  }

  #checkStates(namespace: NamespaceRecord, append: Append, time: StoreTime): AppendResult | null {
    const writes = append.states
    if (!writes || writes.length === 0) return null
    const states = writes.map(({ topic }) => this.readState(namespace, topic, time))
    const conflict = writes.some(({ expect }, at) => (states[at]?.state?.version ?? 0) !== expect)
    return conflict ? { outcome: 'conflict', states } : null
  }

  #checkQuota(namespace: NamespaceRecord, append: Append): AppendResult | null {
    const { quotaBytes } = this.#limits
    if (append.exempt || namespace.bytes <= quotaBytes) return null
    return { outcome: 'quota', keptBytes: namespace.bytes, quotaBytes }
  }

  #keep(namespace: NamespaceRecord, event: NewEvent, seq: number, timestamp: number, grown: Set<TopicRecord>): void {
    const { ledger, log } = this.#parts
    const names = distinct(event.topics)
    const bytes = eventBytes(event)
    const row = log.insert({ ...event, topics: names }, seq, timestamp, names.length)
    const shared = names.length > 1 ? 1 : 0
    namespace.events++
    for (const name of names) {
      const topic = ledger.topicForAppend(namespace, name)
      log.insertEntry(topic.topic, { seq, prev: topic.last, row, bytes, shared })
      if (topic.count === 0) topic.first = seq
      topic.last = seq
      topic.count++
      topic.bytes += bytes
      namespace.bytes += bytes
      ledger.topicChanged(topic)
      grown.add(topic)
    }
  }
}

/** Commands and events share one space of ids: the id of a command is no repetition of an event, whatever its digest. */
function isRepeated(known: KnownId | undefined, digest: string, command: boolean): boolean {
  return known !== undefined && known.digest === digest && (known.seq === null) === command
}
