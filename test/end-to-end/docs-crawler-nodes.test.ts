import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readStream } from '../fixtures/stream.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { CrawlerProcess } from './crawler-process.js'
import { documents, serveDocuments } from './document-server.js'

const pages = 40

test.skipIf(noRedis !== null || !existsSync(documents))(
  'X1: two servers on one Redis share a crawl: begun on one, watched on the other, finished although one is killed',
  { timeout: 240_000 },
  async () => {
    const redis = await redisForTest()
    const folder = mkdtempSync(join(tmpdir(), 'docs-crawler-shared-'))
    const site = await serveDocuments({ broken: ['/legalnotice.html'], delayMs: 40 })
    const servers = [0, 1].map(() => new CrawlerProcess({ folder, options: ['--redis', redis.url] }))
    const [first, second] = servers as [CrawlerProcess, CrawlerProcess]
    onTestFinished(async () => {
      for (const server of servers) await server.stop()
      site.close()
      rmSync(folder, { recursive: true, force: true })
    })
    // One after the other: the first makes the secret that signs cookies.
    for (const server of servers) await server.start()

    const post = (server: CrawlerProcess, path: string, body: object, cookie = ''): Promise<Response> =>
      fetch(server.url + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Cookie: cookie },
        body: JSON.stringify(body),
      })
    const signedIn = await post(first, '/api/session', { name: 'Ada' })
    const cookie = (signedIn.headers.get('Set-Cookie') as string).split(';')[0] as string
    const begun = await post(first, '/api/crawls', { url: `${site.url}/index.html`, maxPages: pages }, cookie)
    expect(begun.status).toBe(201)
    const { id } = (await begun.json()) as { id: string }

    const reader = await readStream(`${second.url}/tidings`, {
      topics: [`job:${id}`],
      since: 'start',
      headers: { Cookie: cookie },
      timeoutMs: 60_000,
    })
    onTestFinished(() => reader.close())
    const done = (await reader.until(() => site.asked.size > pages / 3)).length
    expect(done).toBeGreaterThan(5)
    await first.kill()
    const rest = await reader.until(({ type }) => type === 'job.completed')

    const { job } = (await (await fetch(`${second.url}/api/crawls/${id}`, { headers: { Cookie: cookie } })).json()) as {
      job: { status: string; percent: number; counters: Record<string, number> }
    }
    const { discovered = 0, processed = 0, failed = 0, skipped = 0 } = job.counters
    expect(job).toMatchObject({ status: 'completed', percent: 100 })
    expect(discovered).toBe(site.asked.size)
    expect(processed + failed + skipped).toBe(site.asked.size)
    const told = [...reader.all()].filter(({ type }) => type === 'page.done').map(({ data }) => (data as any).number)
    expect(new Set(told).size).toBe(told.length)
    expect(told).toHaveLength(discovered)
    expect(rest.at(-1)?.type).toBe('job.completed')
    expect(reader.all().filter(({ type }) => /^job\.(completed|failed|cancelled)$/.test(type))).toHaveLength(1)
  },
)
