import { EventSource as EventSourcePackage } from 'eventsource'
import { describe, expect, onTestFinished, test } from 'vitest'
import { EventSource as UndiciEventSource } from 'undici'
import { TidingsError } from '#src/errors.js'
import { systemRandom } from '#src/random.js'
import { launch, skipped } from '../browser/page.js'
import { headersOf, root, startHub } from './server.js'

/** Waits are as short as they may be. */
const random = { ...systemRandom, fraction: () => 0 }
const stream = 'text/event-stream'

/** Listens and keeps what it hears. It uses nothing but its arguments, because a browser runs it from its source. */
function listen(url: string, Listener: new (url: string) => EventSource) {
  const heard = { controls: [] as string[], data: [] as unknown[], state: 0, close: () => source.close() }
  const source = new Listener(url)
  source.onerror = () => {
    heard.state = source.readyState
  }
  source.onmessage = (event) => heard.data.push(JSON.parse(event.data).data)
  for (const name of ['hello', 'bye']) source.addEventListener(name, () => heard.controls.push(name))
  return heard
}
type Heard = Omit<ReturnType<typeof listen>, 'close'>

/** A session is full; an EventSource comes, is put off, and gets in when there is room. */
async function scenario(start: (origin: string, path: string) => Promise<() => Promise<Heard>>): Promise<void> {
  const hub = await startHub({ development: true, random, limits: { connections: { user: 1 } } })
  const as = { userId: '7' }
  const first = await hub.stream({ as })
  const read = await start(hub.url, '/events?userId=7&topic=user:7&since=now&named=false')
  const until = async (condition: (heard: Heard) => boolean): Promise<void> => {
    for (const end = performance.now() + 60_000; performance.now() < end; ) {
      if (condition(await read())) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error(`Heard ${JSON.stringify(await read())}`)
  }
  await until(({ controls }) => controls.length >= 2)
  // It may have been put off once more by now.
  expect((await read()).controls.slice(0, 2)).toEqual(['bye', 'bye'])
  await first.close()
  await until(({ controls }) => controls.includes('hello'))
  await hub.publish({ topic: 'user:7', type: 'note', data: 'there' })
  await until(({ data }) => data.includes('there'))
  // 2: closed for good, which is what a status would have done.
  expect((await read()).state).not.toBe(2)
}

describe('[P15.5] an EventSource that is refused for a time comes back', () => {
  test.each([
    ['the eventsource package', EventSourcePackage],
    ["undici's", UndiciEventSource],
  ])('%s', async (_name, Listener) => {
    await scenario(async (origin, path) => {
      const heard = listen(origin + path, Listener as unknown as new (url: string) => EventSource)
      onTestFinished(() => heard.close())
      return async () => heard
    })
  })

  test.skipIf(skipped)("Chromium's own", async () => {
    const browser = await launch()
    onTestFinished(() => browser.close())
    await scenario(async (origin, path) => {
      const page = await browser.newPage()
      await page.goto(`${origin}/health`)
      await page.evaluate(`globalThis.heard = (${listen.toString()})(${JSON.stringify(path)}, EventSource)`)
      return () => page.evaluate('({ ...heard })') as Promise<Heard>
    })
  })
})

test('[P15.5] the answer is one block of retry and bye, without hello and id, and names the limit', async () => {
  const hub = await startHub({ random, limits: { connections: { user: 1 } } })
  await hub.stream({ topics: ['a'] })
  const answer = await hub.call<string>('/events?topic=a', { accept: stream })
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, `${stream}; charset=utf-8`])
  expect(answer.body).toBe(
    'retry: 1000\nevent: bye\ndata: {"reason":"refused","retryAfterMs":1000,"reconnect":true,"code":"rate_limited","limit":"connections.user"}\n\n',
  )
})

test('[P15.6] who asks for anything else gets the status', async () => {
  const hub = await startHub({ random, limits: { connections: { user: 1 } } })
  await hub.stream({ topics: ['a'] })
  for (const accept of [`${stream}, application/problem+json`, '*/*', 'application/json', `${stream}, */*`]) {
    const answer = await hub.call('/events?topic=a', { accept })
    expect([accept, answer.status, answer.headers.get('retry-after')]).toEqual([accept, 429, '1'])
  }
})

test('[P15.6] 401, 403 and 404 are told by status to everybody', async () => {
  const hub = await startHub()
  const statusOf = async (path: string, as: typeof root | null) => (await hub.call(path, { as, accept: stream })).status
  expect(await statusOf('/events?topic=a', null)).toBe(401)
  expect(await statusOf('/events?topic=a', { userId: '7' } as never)).toBe(403)
  expect(await statusOf('/nothing', root)).toBe(404)
  expect(await statusOf('/events?topic=a%20b', root)).toBe(400)
})

test('[P15.5] a hub that drains, and one whose sign-in is away, put an EventSource off as well', async () => {
  const hub = await startHub({
    authenticate: () => {
      throw new TidingsError('identity_unavailable', 'The keys cannot be had.')
    },
  })
  const away = await hub.call<string>('/events?topic=a', { accept: stream, headers: headersOf(root) })
  expect([away.status, away.body]).toEqual([200, expect.stringContaining('"reason":"refused"')])
  expect(away.body).toMatch(/^retry: \d{4}\nevent: bye\n/)

  const draining = await startHub()
  await draining.hub.close({ drainMs: 0 })
  const answer = await draining.call<string>('/events?topic=a', { accept: stream })
  expect([answer.status, answer.body]).toEqual([200, expect.stringContaining('"reason":"shutdown"')])
  expect((await draining.call('/events?topic=a', { accept: `${stream}, */*` })).status).toBe(503)
})
