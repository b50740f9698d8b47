import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { Ring } from '#src/hub/ring.js'
import type { StoredEvent } from '#src/store/store.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

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
