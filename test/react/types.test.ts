import { expect, test } from 'vitest'
import { complaintsOf } from '../documents/compile.js'

const undeclared = `
import { createClient } from 'tidings/client'
import { defineEvents, everydayEvents } from 'tidings/declare'
import { type Connection, TidingsProvider, useEvent, useEvents, useTidings } from 'tidings/react'
export const client = createClient({ url: '/tidings' })
export const element = TidingsProvider({ client })
export const typed = TidingsProvider({ client: createClient({ url: '/tidings', events: defineEvents(everydayEvents) }) })
export function use(connection: Connection): number {
  useEvent('report.updated', (event) => void event.data.anything)
  useEvents(['a', 'b'], { topic: 'report:1' }).map(({ data }) => data.anything)
  connection.forceTransport('poll')
  useTidings().subscribe('report:1', { a: (event) => void event.data.anything })
  return connection.failures.sse
}
`
const declared = `
import { createClient } from 'tidings/client'
import { defineEvents, everydayEvents } from 'tidings/declare'
import { TidingsProvider, useEvent, useEvents, useTidings } from 'tidings/react'
import { z } from 'zod'
const events = defineEvents({ ...everydayEvents, 'report.updated': z.object({ rows: z.number() }) })
declare module 'tidings/react' {
  interface Register { events: typeof events }
}
export const client = createClient({ url: '/tidings', events })
export const element = TidingsProvider({ client })
export function use(): number[] {
  useEvent('notification', (event) => event.data.title.length)
  useEvent('job.completed', (event) => event.data.percent)
  useEvent('*', (event) => event.type === 'report.updated' && event.data.rows)
  useTidings().on('report.updated', (event) => event.data.rows)
  for (const event of useEvents(['notification', 'report.updated'])) {
    if (event.type === 'report.updated') event.data.rows.toFixed()
  }
  return useEvents('report.updated', { topic: 'report:1' }).map(({ data }) => data.rows)
}
`

test('E2, C8: hooks are typed by the events that were declared', () => {
  expect(complaintsOf({ declared })).toEqual([])
})

test('E2, C8: without a declaration they take any type and any data', () => {
  expect(complaintsOf({ undeclared })).toEqual([])
})

test('E2, C8: what was not declared is refused by the compiler', () => {
  const wrong = declared
    .replace('({ data }) => data.rows', '({ data }) => data.columns')
    .replace(`useEvent('notification'`, `useEvent('nothing'`)
  const complaints = complaintsOf({ wrong }).join('\n')
  expect(complaints).toContain("Property 'columns' does not exist")
  expect(complaints).toContain('"nothing"')
})
