import { DeadlineQueue } from './deadline-queue.js'
import { utf8Bytes } from './event-size.js'
import type { Deadline, Kept, State, StateWrite } from './store.js'

/** A state as it is kept. */
export interface StateRecord extends State {
  readonly bytes: number
  readonly group: string | undefined
  readonly label: string | undefined
  /** Rises with each state that is made: the order of lists. */
  readonly made: number
  readonly deadline: Deadline | undefined
  dueMs: number
}

/** The states of one namespace. Times are of a clock that never falls. */
export class StateTable {
  readonly #records = new Map<string, StateRecord>()
  readonly #deadlines = new DeadlineQueue((record) => this.#records.get(record.topic) === record)
  /** By group, in the order of making, which is the order of lists. */
  readonly #groups = new Map<string, Set<string>>()
  #made = 0
  #bytes = 0
  readonly #counted = { leases: 0, deadlines: 0, labels: new Map<string, number>() }

  /** How many wait for a deadline, and how many bear which label. */
  get counted(): Pick<Kept, 'leases' | 'deadlines' | 'labels'> {
    const { leases, deadlines, labels } = this.#counted
    return { leases, deadlines, labels: Object.fromEntries(labels) }
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Entries that are kept for them, outdated ones included. */
  get deadlines(): number {
    return this.#deadlines.size
  }

  get(topic: string): StateRecord | undefined {
    return this.#records.get(topic)
  }

  write(write: StateWrite, nowMs: number): void {
    const before = this.#records.get(write.topic)
    if (write.value === null) return this.remove(write.topic)
    const record: StateRecord = {
      topic: write.topic,
      version: (before?.version ?? 0) + 1,
      value: write.value,
      bytes: utf8Bytes(write.value),
      group: before ? before.group : write.group,
      label: write.label,
      made: before?.made ?? ++this.#made,
      ...(write.deadline === 'kept'
        ? { deadline: before?.deadline, dueMs: before?.dueMs ?? 0 }
        : { deadline: write.deadline ?? undefined, dueMs: nowMs + (write.deadline?.afterMs ?? 0) }),
    }
    this.#bytes += record.bytes - (before?.bytes ?? 0)
    if (before) this.#count(before, -1)
    this.#count(record, 1)
    // Setting a known key keeps its place: the map stays in the order of making.
    this.#records.set(write.topic, record)
    if (record.deadline) this.#deadlines.add(record)
    if (!before && record.group !== undefined) {
      const members = this.#groups.get(record.group) ?? new Set<string>()
      this.#groups.set(record.group, members.add(record.topic))
    }
  }

  remove(topic: string): void {
    const record = this.#records.get(topic)
    if (!record) return
    this.#bytes -= record.bytes
    this.#count(record, -1)
    this.#records.delete(topic)
    const members = record.group === undefined ? undefined : this.#groups.get(record.group)
    members?.delete(topic)
    if (members?.size === 0) this.#groups.delete(record.group as string)
  }

  /** Newest first, those made before `before`. */
  list(group: string | undefined, before: number, limit: number): { records: StateRecord[]; more: boolean } {
    const topics = group === undefined ? this.#records.keys() : (this.#groups.get(group) ?? [])
    const records = Array.from(topics, (topic) => this.#records.get(topic) as StateRecord)
      .filter((record) => record.made < before)
      .reverse()
    return { records: records.slice(0, limit), more: records.length > limit }
  }

  /** Whose deadline has passed, earliest first. */
  due(nowMs: number, limit: number): StateRecord[] {
    return this.#deadlines.due(nowMs, limit)
  }

  /** Every lease gets its whole length from now, where less of it is left. */
  grantLeases(nowMs: number): void {
    const withDeadline = Array.from(this.#records.values()).filter(({ deadline }) => deadline)
    for (const record of withDeadline) {
      if (record.deadline?.lease) record.dueMs = Math.max(record.dueMs, nowMs + record.deadline.afterMs)
    }
    this.#deadlines.rebuild(withDeadline)
  }

  #count({ deadline, label }: StateRecord, by: 1 | -1): void {
    const { labels } = this.#counted
    if (deadline) this.#counted[deadline.lease ? 'leases' : 'deadlines'] += by
    if (label === undefined) return
    const count = (labels.get(label) ?? 0) + by
    if (count === 0) labels.delete(label)
    else labels.set(label, count)
  }
}
