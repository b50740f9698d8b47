import { expect, onTestFinished, test } from 'vitest'
import { CrawlerProcess } from '../../end-to-end/crawler-process.js'
import { readStream } from '../../fixtures/stream.js'
import { freePort } from '../../fixtures/free-port.js'

test('X1: a site of which no page can be read ends as failed, with the reason; a stranger is nobody, not an error', async () => {
  const server = new CrawlerProcess()
  onTestFinished(() => server.stop())
  await server.start()
  const stranger = await fetch(`${server.url}/api/session`)
  expect([stranger.status, await stranger.json()]).toEqual([200, null])

  const post = (path: string, body: object, cookie = ''): Promise<Response> =>
    fetch(server.url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Cookie: cookie },
      body: JSON.stringify(body),
    })
  const signedIn = await post('/api/session', { name: 'Ada' })
  const cookie = (signedIn.headers.get('Set-Cookie') as string).split(';')[0] as string
  const nobodyThere = `http://127.0.0.1:${await freePort()}/`
  const { id } = (await (await post('/api/crawls', { url: nobodyThere }, cookie)).json()) as { id: string }
  const reader = await readStream(`${server.url}/tidings`, {
    topics: [`job:${id}`],
    since: 'start',
    headers: { Cookie: cookie },
    timeoutMs: 60_000,
  })
  onTestFinished(() => reader.close())
  await reader.until(({ type }) => type === 'job.failed')
  const shown = await fetch(`${server.url}/api/crawls/${id}`, { headers: { Cookie: cookie } })
  expect(await shown.json()).toMatchObject({
    job: { status: 'failed', error: { code: 'nothing_read' }, counters: { discovered: 1, failed: 1 } },
  })
})
