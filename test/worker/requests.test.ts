import { describe, expect, test } from 'vitest'
import { TidingsError } from '#src/errors.js'
import { fakeClock, seededRandom } from '#src/testing/index.js'
import { untilAnswered } from '#src/work/repeat.js'
import { Requests } from '#src/worker/requests.js'

type Reply = (request: Request, nth: number) => Response | Promise<Response>

/** Requests against a hub that answers as told. */
function against(reply: Reply, getToken?: () => string) {
  const clock = fakeClock()
  const seen: { at: number; body: string; token: string | null }[] = []
  const fetch: typeof globalThis.fetch = async (...given) => {
    const request = new Request(...given)
    seen.push({
      at: clock.monotonic(),
      body: await request.clone().text(),
      token: request.headers.get('Authorization'),
    })
    return reply(request, seen.length)
  }
  const random = seededRandom(3)
  const once = new Requests({ url: 'http://hub.test', getToken, fetch, clock, random })
  const closing = new AbortController()
  const parts = { clock, random, closing: closing.signal }
  const requests = {
    send: (method: string, path: string, body?: object) =>
      untilAnswered(parts, () => once.send(method, path, body), { what: `${method} ${path}` }),
    close: () => closing.abort(),
  }
  return { clock, seen, requests, once }
}
const problem = (status: number, code: string, more: object = {}, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify({ type: 'about:blank', status, code, detail: code, ...more }), { status, headers })
const lost = (): never => {
  throw new TypeError('fetch failed')
}
const outcome = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error)

describe('a command that travels to the hub', () => {
  test('J11: is sent again, byte for byte, until it is answered', async () => {
    const { clock, seen, requests } = against((_, nth) =>
      nth < 4
        ? [lost, () => new Response('<html>', { status: 502 }), () => problem(503, 'draining')][nth - 1]!()
        : Response.json({ ok: 1 }),
    )
    const sent = requests.send('PATCH', '/jobs/1', { id: 'c1', increment: { processed: 1 } })
    await clock.advance(5_000)
    expect(await sent).toEqual({ ok: 1 })
    expect(new Set(seen.map(({ body }) => body))).toEqual(new Set(['{"id":"c1","increment":{"processed":1}}']))
    expect(clock.pending).toBe(0)
  })

  test('J11: waits at least as long as the hub asks for', async () => {
    const { clock, seen, requests } = against((_, nth) =>
      nth === 1
        ? problem(429, 'rate_limited', {}, { 'Retry-After': '7' })
        : nth === 2
          ? problem(503, 'draining', { retryAfterMs: 900 })
          : Response.json({}),
    )
    const sent = requests.send('POST', '/jobs', {})
    await clock.advance(20_000)
    await sent
    const [first, second, third] = seen.map(({ at }) => at) as [number, number, number]
    expect(second - first).toBeGreaterThanOrEqual(7_000)
    expect(third - second).toBeGreaterThanOrEqual(900)
  })

  test('J11: is sent again after what a proxy says in passing, when it says so', async () => {
    for (const status of [408, 425, 429]) {
      const { clock, seen, requests } = against((_, nth) =>
        nth === 1 ? new Response('slow down', { status, headers: { 'Retry-After': '7' } }) : Response.json({ ok: 1 }),
      )
      const sent = requests.send('PATCH', '/jobs/1', { id: 'c1' })
      await clock.advance(10_000)
      expect(await sent).toEqual({ ok: 1 })
      expect(seen[1]?.at).toBeGreaterThanOrEqual(7_000)
    }
  })

  test('J11: is sent again where the hub says that it is closed; only one’s own close is final', async () => {
    const { clock, requests } = against((_, nth) => (nth < 3 ? problem(503, 'closed') : Response.json({ ok: 1 })))
    const sent = requests.send('PATCH', '/jobs/1', { id: 'c1' })
    await clock.advance(5_000)
    expect(await sent).toEqual({ ok: 1 })
  })

  test('D3: of unknown fate is given up as indeterminate before the hub forgets its id', async () => {
    const { clock, seen, requests } = against(lost)
    const sent = outcome(requests.send('PATCH', '/jobs/1', { id: 'c1' }))
    await clock.advance(300_000)
    expect(await sent).toMatchObject({ code: 'indeterminate' })
    expect(seen.at(-1)?.at).toBeLessThan(280_000)
    expect(seen.length).toBeGreaterThan(20)
  })

  test('S5: that certainly was not carried out is tried for an hour, then given up with the hub’s own reason', async () => {
    const { clock, requests, seen } = against(() => problem(503, 'store_unavailable'))
    const sent = outcome(requests.send('PATCH', '/jobs/1', { id: 'c1' }))
    await clock.advance(3_590_000)
    expect(seen.at(-1)?.at).toBeGreaterThan(3_570_000)
    await clock.advance(20_000)
    expect(await sent).toMatchObject({ code: 'store_unavailable' })
  })

  test('D3: nobody listened is certain, one lost answer after it is not: its window begins there', async () => {
    const refused = (): never => {
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('no'), { code: 'ECONNREFUSED' }) })
    }
    const { clock, seen, requests } = against(() => (clock.monotonic() > 600_000 ? lost() : refused()))
    const sent = outcome(requests.send('PATCH', '/jobs/1', { id: 'c1' }))
    await clock.advance(1_000_000)
    expect(await sent).toMatchObject({ code: 'indeterminate' })
    expect(seen.at(-1)?.at).toBeGreaterThan(850_000)
    expect(seen.at(-1)?.at).toBeLessThan(885_000)
  })

  test('J6: a try that is given less time ends with it', async () => {
    const { clock, once } = against(
      (request) => new Promise((_, no) => request.signal.addEventListener('abort', () => no(new Error('aborted')))),
    )
    const sent = outcome(once.send('POST', '/jobs/1/renew', { id: 'c1' }, 5_000))
    await clock.advance(5_000)
    expect(await sent).toMatchObject({ code: 'timeout' })
    expect(clock.pending).toBe(0)
  })

  test('that hangs is given up by attempt and sent again', async () => {
    const { clock, seen, requests } = against((request, nth) =>
      nth > 1
        ? Response.json({})
        : new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(new Error('aborted')))),
    )
    const sent = requests.send('PATCH', '/jobs/1', { id: 'c1' })
    await clock.advance(21_000)
    await sent
    expect(seen).toHaveLength(2)
  })

  test('that is wrong is refused at once, with the code and field of the hub', async () => {
    const { seen, requests } = against(() => problem(400, 'job_invalid', { field: 'increment.x' }))
    const error = await outcome(requests.send('PATCH', '/jobs/1', { id: 'c1' }))
    expect(error).toBeInstanceOf(TidingsError)
    expect(error).toMatchObject({ code: 'job_invalid', field: 'increment.x' })
    expect(seen).toHaveLength(1)
  })

  test('A2: a token that has run out is asked for anew, once', async () => {
    let made = 0
    const { seen, requests } = against(
      (_, nth) => (nth === 2 ? problem(401, 'unauthorized') : Response.json({})),
      () => `t${++made}`,
    )
    await requests.send('GET', '/jobs/1')
    await requests.send('GET', '/jobs/1')
    expect(seen.map(({ token }) => token)).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t2'])
    const refused = against(
      () => problem(401, 'unauthorized'),
      () => 'bad',
    )
    expect(await outcome(refused.requests.send('GET', '/jobs/1'))).toMatchObject({ code: 'unauthorized' })
    expect(refused.seen).toHaveLength(2)
  })

  test('close gives up what is waiting and leaves no timer', async () => {
    const { clock, requests } = against(lost)
    const sent = outcome(requests.send('PATCH', '/jobs/1', { id: 'c1' }))
    await clock.advance(500)
    requests.close()
    expect(await sent).toMatchObject({ code: 'closed' })
    expect(clock.pending).toBe(0)
  })
})
