import { expect, test } from 'vitest'
import { readJson } from '../../src/dashboard/page/ui/json-text.js'
import { linesOf, treeAtFirst, turn } from '../../src/dashboard/page/ui/json-tree.js'
import { type Draft, bodyOf, faultsOf, fieldOf } from '../../src/dashboard/page/views/publish/draft.js'

const text = (value: unknown, state = treeAtFirst): string[] =>
  linesOf(value, state).map(
    ({ depth, name, text, open }) =>
      `${'  '.repeat(depth)}${name === null ? '' : `${name}: `}${text}${open === false ? ' +' : ''}`,
  )

test('O1: a payload is a tree that is open at the top and closed further down', () => {
  const value = { a: 1, b: [true, { c: null }], d: {} }
  expect(text(value)).toEqual([
    '3 members',
    '  a: 1',
    '  b: 2 items',
    '    0: true',
    '    1: 1 member +',
    '  d: 0 members',
  ])
  const inner = linesOf(value, treeAtFirst).find(({ name }) => name === '1')!
  expect(text(value, turn(treeAtFirst, inner))).toContain('      c: null')
})

test('O1: a payload of many members shows some, and more when asked', () => {
  const many = Array.from({ length: 250 }, (_, index) => index)
  expect(text(many)).toEqual(['250 items +'])
  const opened = turn(treeAtFirst, linesOf(many, treeAtFirst)[0]!)
  const lines = linesOf(many, opened)
  expect([lines.length, lines.at(-1)]).toMatchObject([102, { kind: 'more', text: '150' }])
  const more = turn(turn(opened, lines.at(-1)!), lines.at(-1)!)
  expect(linesOf(many, more)).toHaveLength(251)
})

test('T20: a payload is text: markup, names like __proto__ and texts without end', () => {
  const value = JSON.parse('{"__proto__":{"x":1},"title":"<img src=x onerror=alert(1)>"}') as unknown
  expect(text(value)).toContain('  title: "<img src=x onerror=alert(1)>"')
  expect(text(value)).toContain('  __proto__: 1 member')
  expect(text('x'.repeat(5_000))[0]?.length).toBeLessThan(2_100)
  expect(text('x'.repeat(5_000))[0]).toContain('… and 4,002 more characters')
})

test('O1: the editor says in which line and column a text is no JSON', () => {
  expect(readJson('{"a":1}')).toEqual({ value: { a: 1 }, fault: null })
  expect(readJson('  ')).toEqual({ value: null, fault: null })
  expect(readJson('{\n  "a": 1,\n}').fault).toMatchObject({ line: 3, column: 1 })
  expect(readJson('{\n  "a": ?\n}').fault).toMatchObject({ line: 2, column: 8 })
  expect(readJson('{"a":').fault).toMatchObject({ line: 1, column: 6 })
})

const draft: Draft = {
  target: 'users',
  names: '7, 12',
  type: ' n ',
  priority: 'normal',
  data: '{"a":1}',
  correlationId: '',
  conflationKey: '',
  volatile: false,
}

test('O1: a test event goes to everybody, users, roles, a session or topics', () => {
  expect(bodyOf(draft)).toEqual({ to: { users: ['7', '12'] }, type: 'n', data: { a: 1 } })
  expect(bodyOf({ ...draft, target: 'all' })).toMatchObject({ to: { all: true } })
  expect(bodyOf({ ...draft, target: 'roles' })).toMatchObject({ to: { roles: ['7', '12'] } })
  expect(bodyOf({ ...draft, target: 'session', names: 's' })).toMatchObject({ to: { sessions: ['s'] } })
  expect(bodyOf({ ...draft, target: 'topic', names: 'a' })).toMatchObject({ topic: 'a' })
  expect(bodyOf({ ...draft, target: 'topic' })).toMatchObject({ topics: ['7', '12'] })
  expect(bodyOf({ ...draft, priority: 'high', correlationId: 'c', volatile: true }, 'i')).toMatchObject({
    id: 'i',
    priority: 'high',
    metadata: { correlationId: 'c' },
    volatile: true,
  })
})

test('O1: what is missing or no JSON is said before anything is sent, and a refusal stands at its field', () => {
  expect(faultsOf(draft)).toEqual({})
  expect(Object.keys(faultsOf({ ...draft, names: ' ', type: '', data: '{' }))).toEqual(['names', 'type', 'data'])
  expect(faultsOf({ ...draft, target: 'all', names: '' })).toEqual({})
  expect(['data.rows', 'to.users[0]', 'topic', 'type', 'id', null].map(fieldOf)).toEqual([
    'data',
    'names',
    'names',
    'type',
    null,
    null,
  ])
})
