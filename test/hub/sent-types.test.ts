import { expect, test } from 'vitest'
import { Activity } from '#src/hub/activity.js'
import { groupsOf, joinGroups } from '#src/hub/figures/groups.js'

test('O3: what a reader was sent is counted by type, ten types apart, whatever they are called', () => {
  const activity = new Activity(0)
  expect(activity.types).toBeNull()
  const names = ['page.crawled', '__proto__', ...Array.from({ length: 20 }, (_, n) => `t${n}`)]
  for (const [n, name] of names.entries()) for (let time = 0; time <= n; time++) activity.sentEvent(1, name)
  const counts = activity.types?.counts ?? []
  expect(counts).toHaveLength(10)
  expect(counts.slice(0, 3)).toEqual([
    { type: 'page.crawled', count: 1 },
    { type: '__proto__', count: 2 },
    { type: 't0', count: 3 },
  ])
  // What found no room is in the sum.
  expect(activity.events).toBe((22 * 23) / 2)
})

test('O3: types of a session are added over its connections, open and closed, and over nodes, the most frequent first', () => {
  const of = (session: string, byType: { type: string; count: number }[], durationMs?: number) => ({
    session,
    byType,
    sent: byType.reduce((sum, { count }) => sum + count, 0),
    errors: 0,
    returned: false,
    opened: 0,
    ...(durationMs !== undefined && { durationMs }),
  })
  const many = Array.from({ length: 30 }, (_, n) => ({ type: `t${n}`, count: n + 1 }))
  const node = groupsOf(
    [of('s1', [{ type: 'a', count: 2 }]), of('s1', [{ type: 'b', count: 5 }], 40), of('s2', many)],
    ({ session }) => session,
    1_000,
  )
  // The more was sent, the further up.
  const [second, first] = joinGroups([node, node])
  expect(first).toMatchObject({ name: 's1', connections: 2, closed: 2, sent: 14, averageDurationMs: 40 })
  expect(first?.byType).toEqual([
    { type: 'b', count: 10 },
    { type: 'a', count: 4 },
  ])
  expect(second?.byType).toHaveLength(20)
  expect(second?.byType[0]).toEqual({ type: 't29', count: 60 })
})
