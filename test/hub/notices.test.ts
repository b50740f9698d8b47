import { expect, test } from 'vitest'
import { newCounters } from '#src/hub/counters.js'
import type { HubContext } from '#src/hub/context.js'
import { Interest } from '#src/hub/interest.js'
import { Notices } from '#src/hub/notices.js'
import type { Position } from '#src/protocol/cursor.js'
import type { Gap, ReadResult } from '#src/store/store.js'
import { TestOutlet } from './core.js'

const at = (seq: number): Position => ({ epoch: 'e', seq })

/** A reader of topics a and b that reads page after page, and the gaps that it was told. */
function reader() {
  const outlet = new TestOutlet()
  const context = { counters: newCounters() } as unknown as HubContext
  const notices = new Notices(context, 'n', outlet, new Interest(['a', 'b'], null, null))
  let position = at(50)
  const read = (gaps: readonly Gap[], from: number, upTo: number, topics: readonly string[] = []): void => {
    const events = topics.map((topic) => ({ topics: [topic] })) as unknown as ReadResult['events']
    const page: ReadResult = { events, gaps, from: at(from), upTo: at(upTo), more: true }
    if (gaps.length > 0) notices.cross(page, position)
    notices.passed(page, position)
    position = page.upTo
  }
  const told = () => outlet.seen.map(({ payload: { reason, topics, cursor } }) => [reason, topics ?? 'all', cursor])
  return { notices, read, told }
}

test('D2, D4: a second lost stretch right behind the first is told too', () => {
  const { read, told } = reader()
  read([{ reason: 'lost', topics: ['a', 'b'] }], 100, 100)
  read([{ reason: 'lost', topics: ['a', 'b'] }], 200, 200)
  expect(told()).toEqual([
    ['lost', 'all', 'e.100'],
    ['lost', 'all', 'e.200'],
  ])
})

test('D4: a gap that reads find again until it is behind the reader is told once', () => {
  const { read, told } = reader()
  const gaps: Gap[] = [
    { reason: 'expired', topics: ['a'] },
    { reason: 'unknown', topics: ['b'] },
  ]
  read(gaps, 50, 60)
  read(gaps, 60, 70)
  expect(told()).toHaveLength(2)
  // One that is behind the reader may come up again.
  read([{ reason: 'expired', topics: ['a'] }], 70, 80, ['a', 'b'])
  read(gaps, 80, 90)
  expect(told().slice(2)).toEqual([
    ['expired', ['a'], 'e.80'],
    ['unknown', ['b'], 'e.80'],
  ])
})

test('D2, D4: a lost stretch is told for a topic that had lost its log before, too', () => {
  const { read, told } = reader()
  read([{ reason: 'lost', topics: ['a'] }], 50, 60)
  read([{ reason: 'lost', topics: ['a', 'b'] }], 100, 110)
  expect(told()).toEqual([
    ['lost', ['a'], 'e.50'],
    ['lost', 'all', 'e.100'],
  ])
})
