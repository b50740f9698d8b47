import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { SignJWT } from 'jose'
import { expect, onTestFinished, test } from 'vitest'
import { createHub } from '#src/index.js'
import { serve } from '../cli/program.js'
import { checker } from '../http/description.js'
import { root, startHub } from '../http/server.js'
import { blockOf } from './blocks.js'
import { complaintsOf } from './compile.js'

const delivery = 'docs/concepts/delivery.md'
const jobs = 'docs/concepts/jobs.md'
const topics = 'docs/concepts/topics.md'
const limits = 'docs/guides/limits.md'

/** Runs a block that uses `given` and returns what it calls `named`. */
async function runBlock(page: string, name: string, given: Readonly<Record<string, unknown>>, named: string) {
  const source = `export default async ({ ${Object.keys(given).join(', ')} }) => {\n${blockOf(page, name)}\nreturn ${named} }`
  const { default: block } = await import(`data:text/javascript,${encodeURIComponent(source)}`)
  return await block(given)
}

async function hubForTest() {
  const hub = await createHub({ authenticate: () => null })
  onTestFinished(() => hub.close({ drainMs: 0 }))
  return hub
}

test('docs/concepts: the programs compile', () => {
  const preamble = `import { createHub } from 'tidings'\nconst hub = await createHub({ authenticate: () => null })\n`
  const job = `const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'x' })\n`
  const sources = {
    again: `const report = { id: 1 }\n${blockOf(delivery, 'again')}`,
    run: `const pages = ['a']\nconst crawl = async (page: string): Promise<void> => void page\n${blockOf(jobs, 'run')}`,
    once: `const page = { id: 1 }\n${job}${blockOf(jobs, 'once')}`,
    group: `const videos = [{ minutes: 3 }]\n${blockOf(jobs, 'group')}`,
  }
  const programs = Object.entries(sources).map(([name, source]) => [name, preamble + source])
  expect(complaintsOf(Object.fromEntries(programs))).toEqual([])
})

test('D3: the publish of the page stores nothing when it is repeated', async () => {
  const hub = await hubForTest()
  const publish = () => runBlock(delivery, 'again', { hub, report: { id: 9 } }, '(await hub.statistics()).events')
  await publish()
  expect(await publish()).toMatchObject({ published: 1, duplicates: 1 })
})

test('J1, J2: the jobs of the page run, count once, and add up', async () => {
  const hub = await hubForTest()
  const crawled: string[] = []
  const given = { hub, pages: ['a', 'b'], crawl: async (page: string) => void crawled.push(page) }
  const { job } = (await runBlock(jobs, 'run', given, '{ job }')) as { job: { id: string } }
  expect(crawled).toEqual(['a', 'b'])
  expect(await hub.jobs.snapshot(job.id)).toMatchObject({
    status: 'completed',
    counters: { processed: 2 },
    result: { pages: 2 },
  })

  const { job: counted } = await hub.jobs.create({ owner: 'user:7', kind: 'x' })
  for (let time = 0; time < 2; time++) await runBlock(jobs, 'once', { job: counted, page: { id: 1 } }, 'null')
  expect(await counted.snapshot()).toMatchObject({ counters: { processed: 1 } })
  counted.close()

  const videos = [{ minutes: 3 }, { minutes: 4 }]
  const playlist = (await runBlock(jobs, 'group', { hub, videos }, 'playlist.job')) as { id: string }
  expect(await hub.jobs.snapshot(playlist.id)).toMatchObject({ total: 7 })
})

test('O5: the shell of the page makes a program a worker', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-jobs-page-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { program, url } = await serve(['--dev', '--port', '0', '--store', 'memory'])
  onTestFinished(async () => void (await program.kill()))
  const script = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o755 })
  script('backup.sh', '#!/bin/sh\necho saved\n')
  script('tidings', `#!/bin/sh\nexec ${process.execPath} ${resolve('bin/tidings.js')} "$@"\n`)
  const shell = spawn('sh', ['-ec', blockOf(jobs, 'worker')], {
    cwd: folder,
    env: { PATH: folder + delimiter + process.env['PATH'], TIDINGS_URL: url, TIDINGS_USER: '7' },
  })
  let said = ''
  for (const stream of [shell.stdout, shell.stderr]) stream.on('data', (bytes) => (said += bytes))
  const [code] = await once(shell, 'close')
  expect([code, said]).toEqual([0, expect.stringMatching(/saved[^]*completed/)])
})

test('A2, A3: the claims of the page are rights', async () => {
  const secret = 'a secret that only this test knows, long enough'
  const { call } = await startHub({ authenticate: undefined as never, jwt: { secret } })
  const { iat, exp, ...claims } = JSON.parse(blockOf(topics, 'claims')) as Record<string, number>
  const now = Math.floor(Date.now() / 1_000)
  const token = await new SignJWT({ ...claims, iat: now, exp: now + (exp as number) - (iat as number) })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secret))
  const ask = async (path: string, body?: unknown) =>
    (await call(path, { as: null, headers: { authorization: `Bearer ${token}` }, accept: 'application/json', body }))
      .status
  expect(await ask('/events?topic=report:9&topic=user:7')).toBe(200)
  expect(await ask('/events?topic=other')).toBe(403)
  expect(await ask('/jobs', { owner: 'user:8', kind: 'crawl' })).toBe(201)
  expect(await ask('/events', { topic: 'report:9', type: 'n' })).toBe(403)
})

test('A6: the refusal of the guide is what the hub says', async () => {
  const { call, stream } = await startHub()
  const shown = JSON.parse(blockOf(limits, 'Problem')) as Record<string, unknown>
  expect(checker()({ $ref: '#/components/schemas/Problem' }, shown)).toEqual([])
  const as = { ...root, sessionId: 's' }
  for (let open = 0; open < 6; open++) await (await stream({ as, topics: ['a'] })).control('hello')
  const { body } = await call('/events?topic=a', { as, accept: 'text/event-stream, application/problem+json' })
  expect(body).toEqual({ ...shown, retryAfterMs: expect.any(Number) })
})
