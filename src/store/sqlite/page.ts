import { crc32 } from 'node:zlib'
import type { Priority } from '../../protocol/event.js'
import type { StoredEvent } from '../store.js'

/** Columns of `events` that an event consists of, in the order in which the checksum covers them. */
const fields = ['seq', 'timestamp', 'id', 'type', 'priority', 'topics', 'conflation_key', 'body'] as const

/** An event as its row keeps it: all but `uses`. */
export interface EventRow {
  readonly seq: number
  readonly timestamp: number
  readonly id: string
  readonly type: string
  readonly priority: string
  /** JSON array. */
  readonly topics: string
  readonly conflation_key: string | null
  readonly body: string
  readonly checksum: number
}

/** CRC-32 finds what disks and stray writes do; it is no protection against people who can write the file. */
export function checksumOf(row: Omit<EventRow, 'checksum'>): number {
  return crc32(fieldsOf(row))
}

const fieldsOf = ({ seq, timestamp, id, type, priority, topics, conflation_key, body }: Omit<EventRow, 'checksum'>) =>
  `${seq}\n${timestamp}\n${id}\n${type}\n${priority}\n${topics}\n${conflation_key ?? ''}\n${body}`

/** An aggregate over `events`: its rows as one text, each as its checksum, whether it has a key, and its fields, by lines. */
export const pageText =
  'group_concat(concat_ws(char(10), checksum, conflation_key IS NOT NULL, seq, timestamp, id, type, priority, topics, ' +
  "coalesce(conflation_key, ''), body), char(10))"

/**
 * Events of a read as they leave the thread: one text and a list of numbers are copied far faster than a thousand objects
 * of eight members. `marks` has for each event where its fields begin, where each of them ends, and whether it has a key.
 */
export interface Page {
  readonly text: string
  readonly marks: Uint32Array
}

const marksPerEvent = fields.length + 2

/** Takes out of the text of {@link pageText} those events that are what was stored. */
export class PageWriter {
  #text: string
  readonly #end: number
  readonly #marks: number[] = []
  #at = 0

  constructor(text: string) {
    this.#text = text
    this.#end = text.length
  }

  /**
   * Whether the next event is that of number `seq` and sound; numbers are asked for ascending. False is no proof of damage:
   * a line break inside a field looks the same from here, so the row itself has the last word.
   */
  take(seq: number): boolean {
    const text = this.#text
    while (this.#at < this.#end) {
      const ofKey = text.indexOf('\n', this.#at)
      if (ofKey < 0) return false
      const begin = ofKey + 3
      const found = Number(text.slice(begin, this.#lineEnd(begin)))
      if (found > seq) return false
      const kept = this.#marks.length
      this.#marks.push(begin)
      let end = begin - 1
      for (let count = 0; count < fields.length; count++) this.#marks.push((end = this.#lineEnd(end + 1)))
      this.#marks.push(text[ofKey + 1] === '1' ? 1 : 0)
      const checksum = Number(text.slice(this.#at, ofKey))
      this.#at = end + 1
      if (found === seq && crc32(text.slice(begin, end)) === checksum) return true
      this.#marks.length = kept
      if (found === seq) return false
    }
    return false
  }

  #lineEnd(from: number): number {
    const end = from < this.#end ? this.#text.indexOf('\n', from) : -1
    return end < 0 || end > this.#end ? this.#end : end
  }

  /** Adds an event that was looked at by itself. */
  add(row: EventRow): void {
    let at = this.#text.length
    this.#text += fieldsOf(row)
    this.#marks.push(at)
    for (const field of fields) {
      at += String(row[field] ?? '').length
      this.#marks.push(at++)
    }
    this.#marks.push(row.conflation_key === null ? 0 : 1)
  }

  get page(): Page {
    return { text: this.#text, marks: Uint32Array.from(this.#marks) }
  }
}

export function eventsOf({ text, marks }: Page): StoredEvent[] {
  const events: StoredEvent[] = []
  let topicsText = ''
  let topics: readonly string[] = []
  for (let at = 0; at < marks.length; at += marksPerEvent) {
    const field = (number: number): string => text.slice(marks[at + number]! + (number && 1), marks[at + number + 1])
    const ofTopics = field(5)
    // Neighbours in the log are often of the same topics.
    if (ofTopics !== topicsText) topics = JSON.parse((topicsText = ofTopics)) as string[]
    const event = {
      id: field(2),
      type: field(3),
      priority: field(4) as Priority,
      body: field(7),
      seq: Number(field(0)),
      timestamp: Number(field(1)),
      topics,
    }
    events.push(marks[at + marksPerEvent - 1] ? { ...event, conflationKey: field(6) } : event)
  }
  return events
}
