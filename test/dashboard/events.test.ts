import { expect, test } from 'vitest'
import { EventLog, type LoggedEvent } from '../../src/dashboard/page/hub/event-log.js'
import type { HubEvent } from '../../src/dashboard/page/hub/event.js'
import { parseFilter, toggled } from '../../src/dashboard/page/views/events/filter.js'

function logged(part: Partial<HubEvent>, number = 1): LoggedEvent {
  const event: HubEvent = {
    id: `e-${number}`,
    type: 'report.updated',
    topic: 'report:9',
    seq: number,
    timestamp: 1,
    priority: 'normal',
    source: 'tidings',
    version: 1,
    data: null,
    ...part,
  }
  return { number, at: 1, event, cursor: `a.${number}`, text: JSON.stringify(event) }
}

test('O1: the timeline keeps the newest events, and counts what it let go', () => {
  const log = new EventLog({ events: 10 })
  for (let n = 1; n <= 1_000; n++) log.push(logged({ data: n }))
  expect(log.entries().map(({ event }) => event.data)).toEqual([991, 992, 993, 994, 995, 996, 997, 998, 999, 1000])
  expect([log.total, log.size, log.dropped]).toEqual([1_000, 10, 990])
  expect(log.entries().at(-1)?.number).toBe(1_000)
  log.clear()
  expect([log.total, log.size, log.dropped, log.entries()]).toEqual([0, 0, 0, []])
})

test('O1: of large events the timeline keeps as many as fit its room, and never none', () => {
  const log = new EventLog({ events: 10, characters: 3_000 })
  for (let n = 1; n <= 5; n++) log.push(logged({ data: 'x'.repeat(1_200) }))
  expect([log.size, log.dropped]).toEqual([2, 3])
  log.push(logged({ data: 'x'.repeat(9_000) }))
  expect(log.size).toBe(1)
})

const shown = (filter: string, ...events: readonly Partial<HubEvent>[]): number[] => {
  const matches = parseFilter(filter)
  return events.flatMap((event, index) => (matches(logged(event)) ? [index] : []))
}

test('O1: the timeline filters by topic, type and priority, by pattern and by several', () => {
  const events = [
    { topic: 'job:7', type: 'job.progress', priority: 'low' },
    { topic: 'user:7', topics: ['user:7', 'role:ADMIN'], type: 'notification', priority: 'critical' },
    { topic: 'report:9' },
  ] as const
  expect(shown('topic:job:*', ...events)).toEqual([0])
  expect(shown('topic:role:ADMIN', ...events)).toEqual([1])
  expect(shown('type:notification,job.*', ...events)).toEqual([0, 1])
  expect(shown('priority:critical', ...events)).toEqual([1])
  expect(shown('-priority:critical -type:job.progress', ...events)).toEqual([2])
  expect(shown('', ...events)).toEqual([0, 1, 2])
  expect(shown('topic:*', ...events)).toEqual([0, 1, 2])
  expect(shown('topic:"a,b"', { topic: 'a,b' }, { topic: 'a' })).toEqual([0])
})

test('O1: the timeline filters by the user an event is for or about', () => {
  const events = [
    { topic: 'user:7' },
    { topic: 'jobs:7', type: 'job.started' },
    { topic: 'job:x', type: 'job.progress', data: { owner: 'user:7' } },
    { topic: 'a', metadata: { userId: '7' } },
    { topic: 'user:77' },
    { topic: 'a', data: { owner: 'user:7' } },
  ]
  expect(shown('user:7', ...events)).toEqual([0, 1, 2, 3])
})

test('O1: other words of a filter are found anywhere, quoted ones with their spaces; names that are no field are words', () => {
  const events = [{ data: { title: 'Disk full' } }, { data: { title: 'full of disks' } }, { topic: 'https://x' }]
  expect(shown('disk', ...events)).toEqual([0, 1])
  expect(shown('"disk full"', ...events)).toEqual([0])
  expect(shown('-"disk full" full', ...events)).toEqual([1])
  expect(shown('https://x', ...events)).toEqual([2])
  expect(shown('constructor:x', ...events)).toEqual([])
})

test('O1: a part of a filter is put in once, and taken out again', () => {
  expect(toggled('a', 'type:x')).toBe('a type:x')
  expect(toggled('a type:x', 'type:x')).toBe('a')
})
