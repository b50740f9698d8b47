import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { routes } from '#src/http/route-table.js'
import { openApiOf } from '#src/http/openapi/document.js'
import { operations } from '#src/http/openapi/operations.js'
import { type Contents, type Described, checker, description } from './description.js'
import { root, startHub } from './server.js'

type SpecData = Exclude<Parameters<Validator['validate']>[0], string>

const admin = { ...root, admin: true }

test('[P11.13] the description is OpenAPI 3.1, and open to everybody', async () => {
  const { call } = await startHub()
  const { status, body } = await call('/openapi.json', { as: null })
  expect(status).toBe(200)
  expect(body).toEqual(description)
  const result = await new Validator().validate(structuredClone(body) as SpecData)
  expect(result.errors ?? []).toEqual([])
  expect(result.valid).toBe(true)
  const broken = structuredClone(body) as unknown as Described
  ;(broken.paths['/jobs'] as Record<string, unknown>).get = { responses: 'none' }
  expect((await new Validator().validate(broken as unknown as SpecData)).valid).toBe(false)
})

test('[P11.13] every method of every path is described, and nothing else', () => {
  const have = Object.entries(routes).flatMap(([path, methods]) =>
    Object.keys(methods).map((name) => `${name} ${path}`),
  )
  expect(Object.keys(operations).sort()).toEqual(have.sort())
  const ids = Object.values(operations).map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(() => openApiOf({ '/nobody': { GET: null } })).toThrow('GET /nobody')
})

test('[P11.13] bodies and answers are as described, to the last member', async () => {
  const { call, stream } = await startHub()
  const differs = checker()
  const seen = new Set<string>()

  /** Makes a request and holds it, and its answer, against the description. */
  async function ask(method: string, path: string, at = path, body?: unknown, accept?: string) {
    const [pathname = ''] = path.split('?')
    const operation = description.paths[pathname]?.[method.toLowerCase()] as
      | (Described['paths'][string][string] & { requestBody?: { content: Contents } })
      | undefined
    if (!operation) throw new Error(`${method} ${path} is not described.`)
    const answer = await call(at, {
      as: admin,
      method,
      ...(body !== undefined && { body }),
      ...(accept !== undefined && { accept }),
    })
    const taken = operation.requestBody?.content['application/json']?.schema
    if (body !== undefined && answer.status < 400)
      expect(differs(taken ?? {}, body), `body of ${method} ${at}`).toEqual([])
    const response = operation.responses[answer.status] ?? operation.responses.default
    const mediaType = answer.headers.get('content-type')?.split(';')[0] ?? null
    const described = mediaType === null ? response?.content : response?.content?.[mediaType]?.schema
    if (mediaType === null) expect(described).toBeUndefined()
    else expect(differs(described as object, answer.body), `answer to ${method} ${at}`).toEqual([])
    seen.add(`${method} ${pathname} ${answer.status}`)
    return answer.body as Record<string, any>
  }

  // Events: alone, in a batch, again, for people, volatile, and refused.
  const event = { id: 'e1', topic: 'report:9', type: 'report.updated', data: { rows: 1 }, metadata: { own: 1 } }
  const { cursor } = await ask('POST', '/events', '/events', event)
  await ask('POST', '/events', '/events', event)
  await ask('POST', '/events', '/events', [{ ...event, id: 'e2' }, event])
  await ask('POST', '/events', '/events', { to: { users: ['7'], all: true }, type: 'hi', volatile: true })
  await ask('POST', '/events', '/events', { topic: 'report: 9', type: 'hi' })
  await ask('POST', '/events', '/events', { ...event, data: 2 })
  const poll = await ask(
    'GET',
    '/events',
    '/events?topic=report:9&topic=job:j&since=start',
    undefined,
    'application/json',
  )
  expect(poll.events).toHaveLength(2)
  await ask('GET', '/events', '/events?topic=a&since=nowhere')
  await ask(
    'GET',
    '/events',
    `/events?topic=a&since=other.${String(cursor).split('.')[1]}`,
    undefined,
    'application/json',
  )

  // A job's whole life.
  const job = {
    id: 'j',
    owner: 'user:root',
    kind: 'crawl',
    total: 10,
    counters: { found: 1 },
    meta: { a: 1 },
    attempts: 1,
  }
  await ask('POST', '/jobs', '/jobs', job)
  await ask('POST', '/jobs', '/jobs', job)
  await ask('POST', '/jobs', '/jobs', { ...job, kind: '' })
  await ask('POST', '/jobs/{id}/start', '/jobs/j/start', {})
  await ask('POST', '/jobs/{id}/renew', '/jobs/j/renew', { attempt: 1 })
  const log = [{ level: 'info', message: 'begun', data: [1] }]
  const publish = [{ type: 'page.crawled', data: { url: '/' } }]
  const update = { id: 'u1', increment: { processed: 1 }, set: { stage: 'pages', current: { url: '/' } }, log, publish }
  await ask('PATCH', '/jobs/{id}', '/jobs/j', update)
  await ask('GET', '/jobs/{id}', '/jobs/j')
  await ask('GET', '/jobs/{id}', '/jobs/none')
  await ask('POST', '/jobs/{id}/retry', '/jobs/j/retry', {})
  await ask('POST', '/jobs/{id}/complete', '/jobs/j/complete', { result: { pages: 1 } })
  await ask('POST', '/jobs/{id}/cancel', '/jobs/j/cancel')
  await ask('POST', '/jobs/{id}/retry', '/jobs/j/retry', { id: 'again' })
  await ask('POST', '/jobs/{id}/retry', '/jobs/j/retry', { id: 'again' })
  const error = { code: 'site_down', message: 'The site is down.', retryable: true }
  await ask('POST', '/jobs/{id}/fail', '/jobs/again/fail', { error })
  await ask('GET', '/jobs', '/jobs?limit=1')
  await ask('GET', '/events', '/events?topic=job:j&topic=job:again&since=start', undefined, 'application/json')
  await ask('DELETE', '/jobs/{id}', '/jobs/again')

  // Tokens, topics, connections.
  await ask('POST', '/tokens', '/tokens')
  await ask('POST', '/tokens', '/tokens', { for: 'url', topics: ['report:9'] })
  await ask('POST', '/tokens', '/tokens', { for: 'ever' })
  await ask('GET', '/topics/{topic}', '/topics/report:9')
  await ask('GET', '/topics')
  await ask('DELETE', '/topics/{topic}', '/topics/report:9')
  const reader = await stream({ topics: ['report:9'], types: ['report.updated'], as: admin })
  const id = (await reader.control('hello')).connectionId
  await ask('GET', '/connections')
  await ask('GET', '/stats')
  await ask('GET', '/metrics')
  await ask('POST', '/connections/ping', '/connections/ping?state=connected')
  await ask('GET', '/connections/{id}', `/connections/${id}`)
  await ask('DELETE', '/connections/{id}', `/connections/${id}?reason=test`)
  await reader.ended()
  await ask('GET', '/connections', '/connections?state=closed')
  await ask('GET', '/activity')
  await ask('GET', '/connections/{id}', '/connections/none')
  await ask('DELETE', '/connections', '/connections?state=stale')
  await ask('DELETE', '/connections', '/connections')
  await ask('POST', '/revocations', '/revocations', { session: 'gone' })
  await ask('POST', '/revocations', '/revocations', { all: true })
  await ask('GET', '/diagnosis')
  await ask('GET', '/explanation', '/explanation?event=e1&user=root&topic=report:9')
  await ask('GET', '/explanation', '/explanation?event=none&user=root')
  await ask('GET', '/health')
  await ask('GET', '/ready')
  await ask('GET', '/openapi.json')

  // What only a stream, an ended job or a hub in trouble answers is shown elsewhere.
  const elsewhere = [
    'GET /events 204',
    'POST /events 202',
    'GET /ready 503',
    'GET /dashboard 200',
    'GET /dashboard/{view} 200',
  ]
  const promised = Object.entries(operations).flatMap(([name, { answers }]) =>
    Object.keys(answers).map((status) => `${name} ${status}`),
  )
  expect(promised.filter((each) => !seen.has(each) && !elsewhere.includes(each))).toEqual([])
})
