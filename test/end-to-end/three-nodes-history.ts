import { readFileSync } from 'node:fs'
import { digestOf, type History, type Note, type Publish, type Reader, type Seen } from '../faults/history.js'

/** Where the processes of a run noted what happened to them. */
export interface Written {
  readonly publishers: string[]
  readonly readers: string[]
  readonly log: { cursor: string; id: string; topics: readonly string[]; type: string; data: unknown }[]
}

interface ReaderFile {
  readonly table: readonly (Seen & { kind: 'event' })[]
  readonly histories: readonly (Omit<Reader, 'notes'> & {
    readonly types?: readonly string[]
    /** A number is an event of the table. */
    readonly notes: readonly (number | Note)[]
  })[]
}

/**
 * Two histories of one run: of the readers that hear every type and of those that hear some. The auditor knows no types, so
 * for the second all else is left out.
 */
export function readHistories(
  { publishers, readers, log }: Written,
  last: { id: string; topics: readonly string[]; data: unknown; cursor: string },
): { all: History; filtered: History; given: number } {
  const publishes: (Publish & { type: string })[] = publishers.flatMap(readPublisher)
  const { id, topics, cursor } = last
  const digest = digestOf(last.data)
  publishes.push({ by: 'end', id, topics, digest, outcome: 'acknowledged', cursor, type: 'end' })
  const kept = log.map(({ data, ...event }) => ({ ...event, digest: digestOf(data) }))

  const every: Reader[] = []
  const some: Reader[] = []
  const heard = new Set<string>()
  let given = 0
  for (const file of readers) {
    const { table, histories } = JSON.parse(readFileSync(file, 'utf8')) as ReaderFile
    for (const { types, notes, ...reader } of histories) {
      given += notes.filter((note) => typeof note === 'number').length
      const whole = notes.map((note) => (typeof note === 'number' ? (table[note] as Note) : note))
      for (const type of types ?? []) heard.add(type)
      ;(types ? some : every).push({ ...reader, notes: whole })
    }
  }
  const isHeard = ({ type }: { type: string }): boolean => heard.has(type)
  return {
    all: { publishes, log: kept, readers: every },
    filtered: { publishes: publishes.filter(isHeard), log: kept.filter(isHeard), readers: some },
    given,
  }
}

/** One entry a call: a call that was not answered may have been carried out. */
function readPublisher(file: string): (Publish & { type: string })[] {
  const publishes: (Publish & { type: string })[] = []
  const open = new Map<string, number>()
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    // A kill may have cut the last line; what it would have said is not known then, as if it had not been called.
    if (!line.endsWith('}')) continue
    const { call, answered, by, n, topics, type, digest, cursor, at } = JSON.parse(line)
    if (call) {
      open.set(call, publishes.length)
      publishes.push({ by, n, id: call, topics, type, digest, outcome: 'indeterminate', calledAtMs: at })
    } else if (answered) {
      const index = open.get(answered) as number
      publishes[index] = {
        ...(publishes[index] as Publish & { type: string }),
        outcome: 'acknowledged',
        cursor,
        answeredAtMs: at,
      }
    }
  }
  return publishes
}
