import { expect, test } from 'vitest'
import fc from 'fast-check'
import { StateTable } from '#src/store/state-table.js'

const write = fc.record({
  topic: fc.nat(8).map((nth) => `job:${nth}`),
  deadline: fc.option(fc.record({ afterMs: fc.integer({ min: 1, max: 60 }), lease: fc.boolean() })),
  goes: fc.boolean(),
  passMs: fc.nat(20),
  grants: fc.nat(9).map((nth) => nth === 0),
})

test('J6: what is due is what a look at every state would find, earliest first, however often they were written', () => {
  fc.assert(
    fc.property(fc.array(write, { maxLength: 200 }), fc.integer({ min: 1, max: 5 }), (writes, limit) => {
      const table = new StateTable()
      const naive = new Map<string, { dueMs: number; leaseMs: number | null }>()
      let nowMs = 0
      for (const { topic, deadline, goes, passMs, grants } of writes) {
        nowMs += passMs
        const isRemoval = goes && naive.size > 4
        table.write({ topic, expect: 0, value: isRemoval ? null : 'x', deadline }, nowMs)
        naive.delete(topic)
        if (deadline && !isRemoval)
          naive.set(topic, { dueMs: nowMs + deadline.afterMs, leaseMs: deadline.lease ? deadline.afterMs : null })
        if (grants) {
          table.grantLeases(nowMs)
          for (const each of naive.values())
            if (each.leaseMs !== null) each.dueMs = Math.max(each.dueMs, nowMs + each.leaseMs)
        }
        const due = [...naive].filter(([, { dueMs }]) => dueMs <= nowMs)
        const times = due.map(([, { dueMs }]) => dueMs).sort((one, other) => one - other)
        expect(table.due(nowMs, limit).map(({ dueMs }) => dueMs)).toEqual(times.slice(0, limit))
        expect(new Set(table.due(nowMs, 100).map((record) => record.topic))).toEqual(new Set(due.map(([name]) => name)))
      }
    }),
  )
})

test('J8: a state that is written for ever leaves no trail of old deadlines', () => {
  const table = new StateTable()
  for (let nth = 0; nth < 50_000; nth++)
    table.write({ topic: 'job:1', expect: nth, value: 'x', deadline: { afterMs: 1e9, lease: true } }, nth)
  expect(table.deadlines).toBeLessThan(2_000)
})
