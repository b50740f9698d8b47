import { expect, test } from 'vitest'
import { NamedEvent, Ring } from '#src/hub/ring.js'
import type { StoredEvent } from '#src/store/store.js'
import { collect } from '../fixtures/collect.js'

const eventOf = (seq: number, body: string): StoredEvent => ({
  id: `${seq}`,
  type: 't',
  priority: 'normal',
  body,
  topics: ['a'],
  seq,
  timestamp: 1,
})

test('S3: what the ring has let go of for its bytes is free at once, not some thousand events later', async () => {
  const ring = new Ring(10 * 64_000 * 2, { epoch: 'e', seq: 0 })
  const pushed: WeakRef<StoredEvent>[] = []
  for (let seq = 1; seq <= 500; seq++) {
    const event = eventOf(seq, `${seq}`.padEnd(64_000, 'x'))
    pushed.push(new WeakRef(event))
    ring.push(event)
  }
  // A weak reference holds until the end of the turn that made it.
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  const kept = ring.after({ epoch: 'e', seq: 0 })
  expect(pushed.filter((event) => event.deref() !== undefined)).toHaveLength(kept.length)
  expect(kept.map(({ event }) => event.seq)).toEqual(
    Array.from({ length: kept.length }, (_, at) => 501 - kept.length + at),
  )
  expect(kept.length).toBe(9)
})

test('D6: from a ring that let go of thousands, a reader still gets exactly what follows its position', () => {
  const ring = new Ring(100 * 514, { epoch: 'e', seq: 0 })
  for (let seq = 1; seq <= 5_000; seq++) {
    ring.push(eventOf(seq, 'x'))
    expect(ring.covers({ epoch: 'e', seq: Math.max(0, seq - 100) })).toBe(true)
    expect(ring.covers({ epoch: 'e', seq: seq - 101 })).toBe(false)
    expect(ring.after({ epoch: 'e', seq: seq - 3 }).map(({ event }) => event.seq)).toEqual(
      [seq - 2, seq - 1, seq].filter((each) => each > 0),
    )
  }
})

test('S3: an event known by name only ends what the ring covers, keeps its place among the others, and counts its bytes', () => {
  const ring = new Ring(100 * 514, { epoch: 'e', seq: 0 })
  const at = (seq: number) => ({ epoch: 'e', seq })
  for (let seq = 1; seq <= 6; seq++) ring.push(seq === 3 ? new NamedEvent(3, ['a']) : eventOf(seq, 'x'))
  expect([ring.remembers(at(0)), ring.covers(at(2)), ring.covers(at(3))]).toEqual([true, false, true])
  const seqs = (next: ReturnType<Ring['next']>): unknown =>
    next instanceof NamedEvent ? `read ${next.seq}` : next.map(({ event }) => event.seq)
  expect([0, 1, 2, 3, 6].map((seq) => seqs(ring.next(at(seq), 2)))).toEqual([[1, 2], [2], 'read 3', [4, 5], []])
  expect(seqs(ring.after(at(0)))).toEqual([1, 2, 4, 5, 6])
  for (let seq = 7; seq <= 1_000; seq++) ring.push(new NamedEvent(seq, ['a']))
  expect([ring.remembers(at(899)), ring.remembers(at(900))]).toEqual([false, true])
  ring.restart(at(1_000))
  expect([ring.covers(at(1_000)), ring.covers(at(999))]).toEqual([true, false])
})
