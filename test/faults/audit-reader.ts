import type { Position } from '#src/protocol/cursor.js'
import type { Known, Ledger } from './auditor.js'
import { type Note, positionOf, type Reader, type Seen } from './history.js'

/** A part of the log that a reader went through: it must have seen what is in (`from`, `to`] and its own. */
interface Stretch {
  readonly from: Position
  to: number
}

/** Walks through what one reader noted: order, nothing twice, gaps where they belong, and all that it went past. */
export function auditReader(reader: Reader, ledger: Ledger): void {
  const walk = new Walk(reader, ledger)
  for (const note of reader.notes) walk.take(note)
  walk.finish()
}

class Walk {
  readonly #reader: Reader
  readonly #ledger: Ledger
  readonly #cursors = new Map<string, string>()
  readonly #ids = new Set<string>()
  readonly #passed: Stretch[] = []
  /** What a gap of single topics excused: as a stretch, for those topics only. */
  readonly #excused: (Stretch & { readonly topics: ReadonlySet<string> })[] = []
  #current: Stretch | null = null
  /** The last event of this connection on the wire, or of all in an application. */
  #last: Position | null = null
  /** `start`: from the oldest, in whatever epoch it is. */
  #fromStart = false
  /** The position with which this connection came back, until anything follows. */
  #asked: Position | null = null

  constructor(reader: Reader, ledger: Ledger) {
    this.#reader = reader
    this.#ledger = ledger
  }

  take(note: Note): void {
    if (note.kind === 'begin') return this.#begin(note.cursor)
    if (note.kind === 'gap') return this.#gap(note)
    const at = positionOf(note.cursor)
    if (note.kind === 'event') this.#event(note, at)
    this.#advance(at)
    this.#asked = null
  }

  #begin(cursor: string): void {
    if (this.#reader.layer === 'wire') this.#last = null
    this.#fromStart = cursor === 'start'
    if (this.#fromStart) return this.#leave()
    const at = positionOf(cursor)
    const position = this.#current && { epoch: this.#current.from.epoch, seq: this.#current.to }
    // Coming back with a later position than the last one noted says that all up to it was there.
    if (position?.epoch === at.epoch && at.seq >= position.seq) this.#advance(at)
    else this.#enter(at)
    this.#asked = at
  }

  #event(seen: Seen, at: Position): void {
    const { name, layer, topics } = this.#reader
    this.#ledger.claim(seen, name)
    this.#ledger.published(seen, name)
    if (!seen.topics.some((topic) => topics.includes(topic)))
      this.#ledger.violated('I2', name, `${seen.id} is of ${seen.topics.join(', ')}, which it did not ask for`)
    if (this.#last && this.#last.epoch === at.epoch && at.seq <= this.#last.seq)
      this.#ledger.violated(at.seq === this.#last.seq ? 'I8' : 'I4', name, `${at.seq} comes after ${this.#last.seq}`)
    if (layer === 'app' && this.#ids.has(seen.id)) this.#ledger.violated('I8', name, `${seen.id} was handed on twice`)
    const kept = !this.#ledger.epochEnded(at.epoch) && !this.#ledger.stretchAround(at)
    if (kept && !this.#find(at)) this.#ledger.violated('I4', name, `${seen.id} at ${seen.cursor} is not in the log`)
    this.#ids.add(seen.id)
    this.#cursors.set(seen.cursor, seen.id)
    this.#last = at
  }

  /** Goes to `at` without anything having been said: all that lies in between must have been seen. */
  #advance(at: Position): void {
    const { name } = this.#reader
    const current = this.#current
    if (!current) return this.#enter(this.#fromStart ? { epoch: at.epoch, seq: 0 } : at, at.seq)
    if (current.from.epoch !== at.epoch) {
      this.#ledger.violated('I7', name, `from epoch ${current.from.epoch} to ${at.epoch} without a gap`)
      return this.#enter(at)
    }
    if (at.seq <= current.to) return
    const stretch = this.#ledger.stretchAround({ epoch: at.epoch, seq: current.to })
    if (stretch && at.seq >= stretch.resumed)
      this.#ledger.violated('I7', name, `from ${current.to}, which was lost, to ${at.seq} without a gap`)
    current.to = at.seq
  }

  #gap({ reason, cursor, topics }: Note & { kind: 'gap' }): void {
    const { name } = this.#reader
    const told = positionOf(cursor)
    // Reading goes on behind a stretch that was lost, whichever number inside it the notice names.
    const stretch = reason === 'lost' ? this.#ledger.stretchUpTo(told) : null
    const to = stretch ? { epoch: told.epoch, seq: stretch.resumed } : told
    // Also to whoever was before it: what is kept before it must have been seen, and what is behind it comes next.
    const before = this.#current
    if (stretch && before?.from.epoch === told.epoch) before.to = Math.max(before.to, stretch.kept)
    if (reason === 'lost' && this.#asked && (!stretch || this.#asked.seq >= stretch.resumed))
      this.#ledger.violated('I7', name, `told of a loss at ${this.#asked.seq}, where nothing was lost`)
    if (reason === 'epoch' && this.#current?.from.epoch === to.epoch && this.#asked?.epoch === to.epoch)
      this.#ledger.violated('I7', name, `told of another epoch while it is ${to.epoch} still`)
    const current = this.#current
    const some = topics && !this.#reader.topics.every((topic) => topics.includes(topic))
    if (some && current && to.epoch === current.from.epoch) {
      if (to.seq <= current.to) return
      this.#excused.push({ from: { epoch: to.epoch, seq: current.to }, to: to.seq, topics: new Set(topics) })
      current.to = to.seq
      return
    }
    // Reading may go on before what was seen: a number is judged anew from here.
    this.#last = null
    this.#enter(to)
  }

  #enter(from: Position, to = from.seq): void {
    this.#leave()
    this.#current = { from, to }
  }

  #leave(): void {
    if (this.#current) this.#passed.push(this.#current)
    this.#current = null
  }

  finish(): void {
    this.#leave()
    const { name, topics } = this.#reader
    const wanted = new Set(topics)
    const missed = new Set<string>()
    for (const { from, to } of this.#passed) {
      const known = this.#ledger.byEpoch.get(from.epoch) ?? []
      for (let index = firstAfter(known, from.seq); index < known.length; index++) {
        const event = known[index] as Known
        if (event.at.seq > to) break
        if (this.#cursors.get(event.cursor) === event.id || missed.has(event.cursor)) continue
        if (!event.topics.some((topic) => wanted.has(topic)) || this.#isExcused(event, to)) continue
        missed.add(event.cursor)
        this.#ledger.violated('I1', name, `went past ${event.id} at ${event.cursor} and never saw it`)
      }
    }
  }

  #isExcused(event: Known, passedTo: number): boolean {
    // A number that was lost: whoever went on inside the stretch had to see it, whoever was before it could not.
    const stretch = event.kept ? null : this.#ledger.stretchAround(event.at)
    if (stretch && passedTo >= stretch.resumed) return true
    return this.#excused.some(
      ({ from, to, topics }) =>
        from.epoch === event.at.epoch &&
        event.at.seq > from.seq &&
        event.at.seq <= to &&
        event.topics.every((topic) => topics.has(topic) || !this.#reader.topics.includes(topic)),
    )
  }

  #find(at: Position): Known | null {
    const known = this.#ledger.byEpoch.get(at.epoch) ?? []
    const found = known[firstAfter(known, at.seq - 1)]
    return found?.at.seq === at.seq && found.kept ? found : null
  }
}

/** The place of the first event above a number. */
function firstAfter(known: readonly Known[], seq: number): number {
  let low = 0
  let high = known.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((known[middle] as Known).at.seq <= seq) low = middle + 1
    else high = middle
  }
  return low
}
