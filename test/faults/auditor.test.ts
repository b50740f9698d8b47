import { describe, expect, test } from 'vitest'
import { seededRandom } from '#src/testing/seeded-random.js'
import { audit } from './auditor.js'
import { digestOf, type History, type Loss, type Note, type Publish, type Reader, type Seen } from './history.js'

type Mutable = { publishes: Publish[]; readers: (Reader & { notes: Note[] })[]; log: Seen[]; losses: Loss[] }

/** A run in which all went well: three publishers, some indeterminate calls, readers that come and go. */
function goodRun(seed = 7): Mutable {
  const random = seededRandom(seed)
  const pick = (n: number): number => Math.floor(random.fraction() * n)
  const publishes: Publish[] = []
  const log: Seen[] = []
  const counts = [0, 0, 0]
  let time = 0
  for (let step = 0; step < 300; step++) {
    const publisher = pick(3)
    const n = counts[publisher] as number
    counts[publisher] = n + 1
    const id = `p${publisher}-${n}`
    const topics = [['a'], ['b'], ['a', 'b'], ['c']][pick(4)] as string[]
    const event = { id, topics, digest: digestOf(n) }
    const call = { ...event, by: `p${publisher}`, n, calledAtMs: ++time }
    const fate = pick(10)
    if (fate === 0) publishes.push({ ...call, outcome: 'indeterminate' })
    else {
      log.push({ ...event, cursor: `e.${log.length + 1}` })
      const cursor = `e.${log.length}`
      if (fate === 1) publishes.push({ ...call, outcome: 'indeterminate' })
      publishes.push({ ...call, outcome: 'acknowledged', cursor, answeredAtMs: ++time })
    }
  }
  const readers = [reader('all', ['a', 'b', 'c'], 'start', log, 0), reader('late', ['a'], 'e.40', log, 40)]
  // On the wire an event may come again over a reconnect.
  const wire = reader('wire', ['a', 'b'], 'e.10', log.slice(0, 150), 10, 'wire')
  const back = reader('', ['a', 'b'], 'e.140', log, 140)
  readers.push({ ...wire, notes: [...wire.notes, ...back.notes] })
  return { publishes, readers, log, losses: [] }
}

function reader(
  name: string,
  topics: string[],
  from: string,
  log: Seen[],
  after: number,
  layer: 'app' | 'wire' = 'app',
) {
  const mine = log.slice(after).filter((event) => event.topics.some((topic) => topics.includes(topic)))
  const notes: Note[] = [
    { kind: 'begin', cursor: from },
    ...mine.map((event) => ({ kind: 'event' as const, ...event })),
  ]
  notes.push({ kind: 'position', cursor: `e.${log.length}` })
  return { name, topics, layer, notes }
}

const found = (history: History): string[] => [...new Set(audit(history).map(({ invariant }) => invariant))].sort()
const eventsOf = (run: Mutable, at = 0): number[] =>
  run.readers[at]?.notes.flatMap(({ kind }, index) => (kind === 'event' ? [index] : [])) ?? []
const change = <T>(list: T[], at: number, to: (value: T) => T): void => void list.splice(at, 1, to(list[at] as T))

test('a run in which all went well has no violation', () => {
  for (let seed = 1; seed <= 20; seed++) expect(audit(goodRun(seed))).toEqual([])
})

const bugs: readonly (readonly [invariant: string, bug: string, plant: (run: Mutable) => void])[] = [
  ['I1', 'an acknowledged event is not in the log', (run) => void forget(run, 100)],
  ['I1', 'a reader misses one in the middle', (run) => void run.readers[0]?.notes.splice(50, 1)],
  ['I1', 'a reader misses the last before it was told that it has all', (run) => run.readers[1]?.notes.splice(-2, 1)],
  ['I1', 'a reader misses what lay over its reconnect', (run) => skipAtReconnect(run)],
  ['I2', 'an event that nobody published', (run) => void run.log.push({ ...last(run), cursor: 'e.999', id: 'ghost' })],
  ['I2', 'a refused event was stored', (run) => refuse(run, 30)],
  ['I2', 'the content is another', (run) => change(run.log, 12, (event) => ({ ...event, digest: 'other' }))],
  [
    'I2',
    'a reader gets an event of a topic it did not ask for',
    (run) => void run.readers[1]?.notes.push(ofTopic(run, 'c')),
  ],
  ['I3', 'an id is kept twice', (run) => void run.log.push({ ...(run.log[5] as Seen), cursor: 'e.998' })],
  [
    'I3',
    'a repetition gets another answer',
    (run) => void run.publishes.push({ ...acknowledged(run), cursor: 'e.7000' }),
  ],
  ['I4', 'a reader gets two in the wrong order', (run) => swapEvents(run)],
  ['I4', 'a reader gets what is not in the log', (run) => void run.readers[0]?.notes.push(notKept(run))],
  ['I4', 'an answer names another place than the log', (run) => void misplace(run)],
  ['I5', 'a publisher is overtaken by itself', (run) => swapPublishes(run)],
  ['I6', 'a number is used twice', (run) => void run.publishes.push({ ...acknowledged(run), id: 'p0-1', by: 'p0' })],
  ['I6', 'the log goes backward', (run) => change(run.log, 80, (event) => ({ ...event, cursor: 'e.3' }))],
  ['I6', 'what was called after an answer gets a lower number', (run) => answerEarly(run)],
  [
    'I8',
    'a reader gets one twice',
    (run) => void run.readers[0]?.notes.splice(20, 0, run.readers[0].notes[19] as Note),
  ],
  [
    'I8',
    'a connection sends one twice',
    (run) => void run.readers[2]?.notes.splice(9, 0, run.readers[2].notes[8] as Note),
  ],
  ['I8', 'an application gets again what it had before a gap', (run) => repeatBehindGap(run)],
]
for (const [invariant, bug, plant] of bugs) {
  test(`${invariant} is found: ${bug}`, () => {
    const run = goodRun()
    plant(run)
    expect(found(run)).toContain(invariant)
  })
}

describe('S6: a stretch was lost', () => {
  /** Numbers 101–110 were acknowledged and read, and are gone; the next is 1001. `told` says who heard of it. */
  function lostRun(told: (at: number) => boolean): Mutable {
    const event = (n: number): Seen => ({ id: `x${n}`, topics: ['a'], digest: digestOf(n), cursor: `e.${n}` })
    const numbers = [...Array.from({ length: 110 }, (_, at) => at + 1), 1_001, 1_002]
    const publishes = numbers.map((n, at): Publish => ({ ...event(n), by: 'p', n: at, outcome: 'acknowledged' }))
    const log = numbers.filter((n) => n <= 100 || n > 1_000).map(event)
    const readers = [90, 100, 105, 110].map((stop) => {
      const seen = (from: number, to: number): Note[] =>
        numbers.filter((n) => n > from && n <= to).map((n) => ({ kind: 'event', ...event(n) }))
      const gap: Note[] = told(stop) ? [{ kind: 'gap', reason: 'lost', cursor: 'e.1000' }] : []
      const after = log.filter(({ cursor }) => Number(cursor.slice(2)) > stop)
      const notes: Note[] = [{ kind: 'begin', cursor: 'e.0' }, ...seen(0, stop), { kind: 'begin', cursor: `e.${stop}` }]
      notes.push(...gap, ...after.map((each) => ({ kind: 'event' as const, ...each })))
      return { name: `stopped at ${stop}`, topics: ['a'], layer: 'app' as const, notes }
    })
    return { publishes, readers, log, losses: [{ kind: 'stretch', epoch: 'e', kept: 100, resumed: 1_000 }] }
  }

  test('told to who was inside it, and to who read across it or not: nothing to say', () => {
    expect(audit(lostRun((stop) => stop > 100))).toEqual([])
    expect(audit(lostRun((stop) => stop >= 100))).toEqual([])
  })
  test('I1 is found: what is kept before it was passed over with it', () => {
    const run = lostRun(() => true)
    const reader = run.readers[0] as { notes: Note[] }
    const passedOver = ({ kind, cursor }: Note) => kind === 'event' && /^e\.9[1-9]$/.test(cursor)
    run.readers[0] = {
      ...run.readers[0],
      notes: reader.notes.filter((note) => !passedOver(note)),
    } as Mutable['readers'][0]
    const violations = audit(run).map(({ invariant, who }) => `${invariant} ${who}`)
    expect([...new Set(violations)]).toEqual(['I1 stopped at 90'])
  })
  test('I7 is found: nobody is told', () => {
    const violations = audit(lostRun(() => false))
    expect(violations.map(({ invariant, who }) => `${invariant} ${who}`)).toEqual([
      'I7 stopped at 105',
      'I7 stopped at 110',
    ])
  })
  test('I7 is found: a loss is told where there was none', () => {
    const run = { ...lostRun(() => true), losses: [] }
    expect(audit(run).map(({ invariant, who }) => `${invariant} ${who}`)).toContain('I7 stopped at 100')
  })
  test('I1 and I4 are found: the same, and nothing was taken away on purpose', () => {
    const run = { ...lostRun((stop) => stop > 100), losses: [] }
    expect(found(run)).toEqual(expect.arrayContaining(['I1', 'I4']))
  })
  test('I6 is found: a lost number is given away again', () => {
    const run = lostRun((stop) => stop > 100)
    run.publishes.push({ id: 'new', by: 'q', topics: ['a'], digest: 'd', outcome: 'acknowledged', cursor: 'e.104' })
    expect(found(run)).toContain('I6')
  })
  test('I1 is found: who was inside it had missed one before', () => {
    const run = lostRun((stop) => stop > 100)
    run.readers[2]?.notes.splice(103, 1)
    expect(found(run)).toEqual(['I1'])
  })
})

describe('S5: everything was taken away', () => {
  function emptiedRun(gap: Note[]): Mutable {
    const event = (n: number, epoch: string): Seen => ({
      id: `${epoch}${n}`,
      topics: ['a'],
      digest: digestOf(n),
      cursor: `${epoch}.${n}`,
    })
    const old = [1, 2, 3].map((n) => event(n, 'old'))
    const young = [1, 2].map((n) => event(n, 'new'))
    const publishes = [...old, ...young].map((each, n): Publish => ({ ...each, by: 'p', n, outcome: 'acknowledged' }))
    const note = (seen: Seen): Note => ({ kind: 'event', ...seen })
    const notes: Note[] = [{ kind: 'begin', cursor: 'old.0' }, ...old.map(note), ...gap, ...young.map(note)]
    const readers = [{ name: 'r', topics: ['a'], layer: 'wire' as const, notes }]
    return { publishes, readers, log: young, losses: [{ kind: 'epoch', epoch: 'old' }] }
  }

  test('told by a gap: nothing to say', () => {
    expect(audit(emptiedRun([{ kind: 'gap', reason: 'epoch', cursor: 'new.0' }]))).toEqual([])
  })
  test('I7 is found: from one epoch to the next without a gap', () => {
    expect(found(emptiedRun([]))).toContain('I7')
  })
  test('I1 is found: behind the gap the first event is left out', () => {
    const run = emptiedRun([{ kind: 'gap', reason: 'epoch', cursor: 'new.0' }])
    run.readers[0]?.notes.splice(5, 1)
    expect(found(run)).toEqual(['I1'])
  })
})

test('a gap of one topic excuses that topic and no other', () => {
  const run = goodRun()
  const notes = run.readers[2]?.notes as Note[]
  const from = notes.findIndex(({ kind }, at) => at > 0 && kind === 'begin')
  const at = notes.slice(0, from).at(-1)?.cursor as string
  const gap: Note = { kind: 'gap', reason: 'expired', topics: ['a'], cursor: 'e.200' }
  const dropped = (topics: string[]): Note[] => [
    ...notes.slice(0, from),
    { kind: 'begin', cursor: at },
    gap,
    ...notes.slice(from + 1).filter((note) => {
      const seq = Number(note.cursor.slice(2))
      if (note.kind !== 'event') return true
      return seq > 200 || (seq > 150 && !note.topics.every((topic) => topics.includes(topic) || topic === 'c'))
    }),
  ]
  // What is of both topics was owed under the other one, and comes behind the gap.
  const judged = (topics: string[]) => ({ ...run, readers: [{ ...run.readers[2], notes: dropped(topics) } as Reader] })
  expect(audit(judged(['a']))).toEqual([])
  expect(found(judged(['a', 'b']))).toEqual(['I1'])
})

const last = (run: Mutable): Seen => run.log.at(-1) as Seen
const acknowledged = (run: Mutable): Publish =>
  run.publishes.find(({ outcome, by }) => outcome === 'acknowledged' && by !== 'p0') as Publish
const ofTopic = (run: Mutable, topic: string): Note => ({
  kind: 'event',
  ...(run.log.find(({ topics }) => topics.includes(topic)) as Seen),
})

function forget(run: Mutable, at: number): void {
  const [gone] = run.log.splice(at, 1)
  for (const each of run.readers) {
    const index = each.notes.findIndex((note) => note.kind === 'event' && note.id === gone?.id)
    if (index > 0) each.notes.splice(index, 1)
  }
}
function skipAtReconnect(run: Mutable): void {
  const notes = run.readers[2]?.notes as Note[]
  const at = notes.findIndex(({ kind }, index) => index > 0 && kind === 'begin')
  change(notes, at, () => ({ kind: 'begin', cursor: 'e.180' }))
  while (notes[at + 1] && Number(notes[at + 1]?.cursor.slice(2)) <= 180) notes.splice(at + 1, 1)
}
function refuse(run: Mutable, at: number): void {
  const { id } = run.log[at] as Seen
  for (const [index, each] of run.publishes.entries())
    if (each.id === id)
      change(run.publishes, index, ({ cursor: _, ...call }) => ({ ...call, outcome: 'refused' as const }))
}
function swapEvents(run: Mutable): void {
  const [first = 0, second = 0] = eventsOf(run).slice(30, 32)
  const notes = run.readers[0]?.notes as Note[]
  const [a, b] = [notes[first] as Note, notes[second] as Note]
  notes[first] = b
  notes[second] = a
}
function notKept(run: Mutable): Note {
  const { id, topics, digest } = run.publishes.find(({ outcome }) => outcome === 'indeterminate') as Publish
  return { kind: 'event', id, topics, digest, cursor: 'e.5000' }
}
function misplace(run: Mutable): void {
  const at = run.publishes.indexOf(acknowledged(run))
  change(run.publishes, at, (each) => ({ ...each, cursor: 'e.6000' }))
}
function swapPublishes(run: Mutable): void {
  const [a, b] = run.publishes.flatMap(({ by, outcome }, at) => (by === 'p1' && outcome === 'acknowledged' ? [at] : []))
  const [first, second] = [run.publishes[a as number] as Publish, run.publishes[b as number] as Publish]
  run.publishes[a as number] = { ...first, n: second.n as number }
  run.publishes[b as number] = { ...second, n: first.n as number }
}
function answerEarly(run: Mutable): void {
  const at = run.publishes.findLastIndex(({ outcome }) => outcome === 'acknowledged')
  change(run.publishes, at, (each) => ({ ...each, calledAtMs: 0, answeredAtMs: 1 }))
}
function repeatBehindGap(run: Mutable): void {
  const notes = run.readers[0]?.notes as Note[]
  const event = notes[40] as Note
  notes.splice(41, 0, { kind: 'gap', reason: 'unknown', cursor: notes[39]?.cursor as string }, event)
}
