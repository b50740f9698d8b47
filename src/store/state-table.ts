import { utf8Bytes } from './event-size.js'
import type { Deadline, State, StateWrite } from './store.js'

/** A state as it is kept. */
export interface StateRecord extends State {
  readonly bytes: number
  readonly group: string | undefined
  /** Rises with each state that is made: the order of lists. */
  readonly made: number
  readonly deadline: Deadline | undefined
  dueMs: number
}

/** The states of one namespace. Times are of a clock that never falls. */
export class StateTable {
  readonly #records = new Map<string, StateRecord>()
  #made = 0
  #bytes = 0

  get bytes(): number {
    return this.#bytes
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
      made: before?.made ?? ++this.#made,
      deadline: write.deadline ?? undefined,
      dueMs: nowMs + (write.deadline?.afterMs ?? 0),
    }
    this.#bytes += record.bytes - (before?.bytes ?? 0)
    // Setting a known key keeps its place: the map stays in the order of making, which is the order of lists.
    this.#records.set(write.topic, record)
  }

  remove(topic: string): void {
    this.#bytes -= this.#records.get(topic)?.bytes ?? 0
    this.#records.delete(topic)
  }

  /** Newest first, those made before `before`. */
  list(group: string | undefined, before: number, limit: number): { records: StateRecord[]; more: boolean } {
    const records = [...this.#records.values()]
      .filter((record) => record.made < before && (group === undefined || record.group === group))
      .reverse()
    return { records: records.slice(0, limit), more: records.length > limit }
  }

  *withDeadline(): Generator<StateRecord, void> {
    for (const record of this.#records.values()) if (record.deadline) yield record
  }
}
