import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, test } from 'vitest'
import { createClient } from '#src/client/index.js'
import { TidingsProvider, useConnection, useEvent, useEvents, useJob, useJobs } from '#src/react/index.js'

const Everything = () => {
  const { status, transport, attempt, failures, error, lastEvent } = useConnection()
  const events = useEvents('*', { topic: 'report:1' })
  const [job, jobs] = [useJob('1', { token: 'one' }), useJobs()]
  useEvent('notification', () => {})
  return createElement(
    'p',
    null,
    JSON.stringify({ status, transport, attempt, failures, error, lastEvent, events, job, jobs }),
  )
}

test('C8: a server renders every hook as a client that has done nothing, and asks for nothing', () => {
  const asked: unknown[] = []
  const client = createClient({ url: '/tidings', fetch: async (...args) => (asked.push(args), new Response()) })
  const html = renderToString(createElement(TidingsProvider, { client }, createElement(Everything)))
  expect(JSON.parse(html.slice(3, -4).replaceAll('&quot;', '"'))).toEqual({
    status: 'idle',
    transport: null,
    attempt: 0,
    failures: { sse: 0, poll: 0 },
    error: null,
    lastEvent: null,
    events: [],
    job: null,
    jobs: null,
  })
  expect(asked).toEqual([])
  client.close()
})

test('C8: hooks without a provider say what is missing', () => {
  expect(() => renderToString(createElement(Everything))).toThrow('No <TidingsProvider> above.')
})

test('C8: a list that could grow without end is refused', () => {
  const client = createClient({ url: '/tidings' })
  const Endless = () => createElement('p', null, useEvents('*', { limit: 0 }).length)
  const page = createElement(TidingsProvider, { client }, createElement(Endless))
  expect(() => renderToString(page)).toThrow('"limit" must be a whole number above 0.')
})
