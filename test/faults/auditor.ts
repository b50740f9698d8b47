import type { Position } from '#src/protocol/cursor.js'
import { auditReader } from './audit-reader.js'
import { type History, type Loss, type Publish, positionOf, type Seen } from './history.js'

/** A promise that was not kept. */
export interface Violation {
  readonly invariant: Invariant
  /** `log`, or the name of the publisher or reader. */
  readonly who: string
  readonly what: string
}

/**
 * - `I1` no loss after an acknowledgement, unless a gap says so
 * - `I2` no phantom: what is read was published, with this content
 * - `I3` an id is kept once
 * - `I4` one order for all readers, and for who reads later
 * - `I5` the events of a publisher are in the order of its calls
 * - `I6` a number is never used twice, and a later publish has a higher one
 * - `I7` history that went is announced, and only that
 * - `I8` nothing twice
 * - `I9` a reader that came back has what one that stayed has: told as `I1`, `I4` or `I8` of that reader
 */
type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8'

/** An event by its place, as somebody said it was: the log, an answer, a reader. */
export interface Known extends Seen {
  readonly at: Position
  readonly kept: boolean
}

/** What every part of the audit looks things up in. */
export interface Ledger {
  /** Every event with a known place: of the log, and of answers that the log no longer holds. Ascending in each epoch. */
  readonly byEpoch: ReadonlyMap<string, readonly Known[]>
  readonly losses: readonly Loss[]
  /** The stretch a number was lost with, or null. */
  stretchAround(position: Position): (Loss & { kind: 'stretch' }) | null
  /** The stretch that reading goes on behind, where it goes on at this position. */
  stretchUpTo(position: Position): (Loss & { kind: 'stretch' }) | null
  epochEnded(epoch: string): boolean
  /** Notes that this event was said to be at this cursor; complains where another one has been. */
  claim(seen: Seen, who: string): void
  /** Complains where it was never published, or as something else. */
  published(seen: Seen, who: string): void
  violated(invariant: Invariant, who: string, what: string): void
}

/** Most violations told of one kind: what comes after it says nothing new. */
const told = 20

/** Checks a history against I1–I9. Empty: all kept. Pure. */
export function audit(history: History): Violation[] {
  const violations: Violation[] = []
  const counts = new Map<string, number>()
  const violated: Ledger['violated'] = (invariant, who, what) => {
    const count = (counts.get(invariant) ?? 0) + 1
    counts.set(invariant, count)
    if (count <= told) violations.push({ invariant, who, what })
  }
  const ledger = makeLedger(history, violated)
  auditLog(history, ledger)
  auditAnswers(history, ledger)
  for (const reader of history.readers) auditReader(reader, ledger)
  for (const [invariant, count] of counts) {
    if (count > told) violations.push({ invariant: invariant as Invariant, who: 'audit', what: `${count} in all` })
  }
  return violations
}

function makeLedger(history: History, violated: Ledger['violated']): Ledger {
  const losses = history.losses ?? []
  const attempts = new Map<string, Publish[]>()
  for (const each of history.publishes) {
    const calls = attempts.get(each.id)
    if (calls) calls.push(each)
    else attempts.set(each.id, [each])
  }
  const holder = new Map<string, string>()
  const known = new Map<string, Known>()
  for (const seen of history.log) known.set(seen.cursor, { ...seen, at: positionOf(seen.cursor), kept: true })
  for (const publish of history.publishes) {
    if (publish.outcome !== 'acknowledged' || !publish.cursor || known.has(publish.cursor)) continue
    known.set(publish.cursor, { ...publish, cursor: publish.cursor, at: positionOf(publish.cursor), kept: false })
  }
  const byEpoch = new Map<string, Known[]>()
  for (const each of known.values()) {
    const list = byEpoch.get(each.at.epoch) ?? []
    list.push(each)
    byEpoch.set(each.at.epoch, list)
  }
  for (const list of byEpoch.values()) list.sort((a, b) => a.at.seq - b.at.seq)

  return {
    byEpoch,
    losses,
    violated,
    stretchAround: ({ epoch, seq }) =>
      losses.find(
        (loss): loss is Loss & { kind: 'stretch' } =>
          loss.kind === 'stretch' && loss.epoch === epoch && seq > loss.kept && seq < loss.resumed,
      ) ?? null,
    stretchUpTo: ({ epoch, seq }) =>
      losses.find(
        (loss): loss is Loss & { kind: 'stretch' } =>
          loss.kind === 'stretch' && loss.epoch === epoch && seq > loss.kept && seq <= loss.resumed,
      ) ?? null,
    epochEnded: (epoch) => losses.some((loss) => loss.kind === 'epoch' && loss.epoch === epoch),
    claim(seen, who) {
      const first = holder.get(seen.cursor)
      if (first === undefined) holder.set(seen.cursor, seen.id)
      else if (first !== seen.id) violated('I6', who, `${seen.cursor} is ${seen.id}, and was ${first}`)
    },
    published(seen, who) {
      const calls = attempts.get(seen.id) ?? []
      if (calls.length === 0) return violated('I2', who, `${seen.id} was never published`)
      if (calls.every(({ outcome }) => outcome === 'refused')) violated('I2', who, `${seen.id} was refused`)
      if (!calls.some(({ digest }) => digest === seen.digest)) violated('I2', who, `${seen.id} has another content`)
    },
  }
}

/** The log itself: ascending, nothing twice, only what was published, publishers in order, later calls higher. */
function auditLog(history: History, ledger: Ledger): void {
  const ids = new Set<string>()
  let before: Position | null = null
  for (const seen of history.log) {
    const at = positionOf(seen.cursor)
    if (before && before.epoch !== at.epoch) ledger.violated('I7', 'log', `two epochs: ${before.epoch}, ${at.epoch}`)
    else if (before && at.seq <= before.seq) ledger.violated('I6', 'log', `${at.seq} comes after ${before.seq}`)
    before = at
    if (ids.has(seen.id)) ledger.violated('I3', 'log', `${seen.id} is kept twice`)
    ids.add(seen.id)
    ledger.claim(seen, 'log')
    ledger.published(seen, 'log')
  }
  auditOrder(history, ledger)
}

/** I5, and what is called after an answer gets a higher number than what was answered (I6). */
function auditOrder(history: History, ledger: Ledger): void {
  const first = new Map<string, { by: string; n?: number; called?: number; answered?: number }>()
  for (const { id, by, n, calledAtMs, answeredAtMs, outcome } of history.publishes) {
    const entry = first.get(id) ?? { by, ...(n !== undefined && { n }) }
    if (calledAtMs !== undefined) entry.called = Math.min(entry.called ?? calledAtMs, calledAtMs)
    if (answeredAtMs !== undefined && outcome === 'acknowledged')
      entry.answered = Math.min(entry.answered ?? answeredAtMs, answeredAtMs)
    first.set(id, entry)
  }
  const last = new Map<string, { n: number; id: string }>()
  let latest = { called: Number.NEGATIVE_INFINITY, id: '' }
  for (const { id } of history.log) {
    const entry = first.get(id)
    if (!entry) continue
    if (entry.n !== undefined) {
      const previous = last.get(entry.by)
      if (previous && previous.n >= entry.n) ledger.violated('I5', entry.by, `${id} comes after ${previous.id}`)
      last.set(entry.by, { n: entry.n, id })
    }
    // An id that was lost and stored again was answered long before it got this number.
    if (entry.answered !== undefined && entry.answered < latest.called && !wasLost(history, ledger, id))
      ledger.violated('I6', entry.by, `${id} was answered before ${latest.id} was called, and has a higher number`)
    if (entry.called !== undefined && entry.called > latest.called) latest = { called: entry.called, id }
  }
}

const wasLost = (history: History, ledger: Ledger, id: string): boolean =>
  ledger.losses.length > 0 &&
  history.publishes.some((each) => each.id === id && each.cursor && isLost(positionOf(each.cursor), ledger))

const isLost = (at: Position, ledger: Ledger): boolean => ledger.epochEnded(at.epoch) || !!ledger.stretchAround(at)

/** Every acknowledgement: it stands in the log where it was said to be, and a repetition got the first answer. */
function auditAnswers(history: History, ledger: Ledger): void {
  const places = new Map(history.log.map(({ id, cursor }) => [id, cursor]))
  const answers = new Map<string, string>()
  for (const publish of history.publishes) {
    if (publish.outcome !== 'acknowledged') continue
    const { id, by, cursor } = publish
    if (!cursor) {
      if (!places.has(id) && ledger.losses.length === 0) ledger.violated('I1', by, `${id} was acknowledged and is gone`)
      continue
    }
    ledger.claim({ ...publish, cursor }, by)
    if (isLost(positionOf(cursor), ledger)) continue
    const first = answers.get(id)
    if (first !== undefined && first !== cursor)
      ledger.violated('I3', by, `${id} was answered with ${first}, then ${cursor}`)
    answers.set(id, cursor)
    const place = places.get(id)
    if (place === undefined) ledger.violated('I1', by, `${id} at ${cursor} was acknowledged and is gone`)
    else if (place !== cursor) ledger.violated('I4', by, `${id} was answered with ${cursor} and is at ${place}`)
  }
}
