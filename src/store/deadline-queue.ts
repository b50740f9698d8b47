import type { StateRecord } from './state-table.js'

interface Entry {
  readonly dueMs: number
  readonly record: StateRecord
}

/**
 * Records by deadline, earliest first: a binary heap. A record that was written or removed since leaves its entry behind;
 * those are dropped as they come up, or all at once when they are more than the others.
 */
export class DeadlineQueue {
  readonly #isCurrent: (record: StateRecord) => boolean
  #heap: Entry[] = []
  /** Length at which outdated entries are looked for. */
  #sweepAt = 1_000

  constructor(isCurrent: (record: StateRecord) => boolean) {
    this.#isCurrent = isCurrent
  }

  get size(): number {
    return this.#heap.length
  }

  add(record: StateRecord): void {
    this.#push({ dueMs: record.dueMs, record })
    if (this.#heap.length > this.#sweepAt) this.rebuild()
  }

  /** Up to `limit` records whose deadline has passed. They stay until they are written. */
  due(nowMs: number, limit: number): StateRecord[] {
    const taken: Entry[] = []
    for (let first = this.#heap[0]; first && first.dueMs <= nowMs && taken.length < limit; first = this.#heap[0]) {
      this.#pop()
      if (this.#isValid(first)) taken.push(first)
    }
    for (const entry of taken) this.#push(entry)
    return taken.map(({ record }) => record)
  }

  /** After deadlines have moved without a write. */
  rebuild(records: Iterable<StateRecord> = this.#heap.filter((entry) => this.#isValid(entry)).map(recordOf)): void {
    const current = [...records]
    this.#heap = current
      .map((record) => ({ dueMs: record.dueMs, record }))
      .sort((one, other) => one.dueMs - other.dueMs)
    this.#sweepAt = Math.max(1_000, 2 * current.length)
  }

  #isValid({ dueMs, record }: Entry): boolean {
    return record.dueMs === dueMs && this.#isCurrent(record)
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above] as Entry
      if (parent.dueMs <= entry.dueMs) break
      heap[at] = parent
      at = above
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      if (left >= heap.length) break
      const least = right < heap.length && (heap[right] as Entry).dueMs < (heap[left] as Entry).dueMs ? right : left
      const child = heap[least] as Entry
      if (child.dueMs >= last.dueMs) break
      heap[at] = child
      at = least
    }
    heap[at] = last
  }
}

const recordOf = ({ record }: Entry): StateRecord => record
