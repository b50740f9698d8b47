import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose'
import { expect, onTestFinished, test } from 'vitest'
import { createHub } from '#src/index.js'
import { toNodeHandler } from '#src/http/node.js'
import { launch, skipped } from '../browser/page.js'
import { blockOf } from './blocks.js'

const page = 'docs/guides/any-client.md'
const secret = 'a secret of at least thirty-two bytes'

/** Runs a block of the page until its output fits, then ends it. */
async function shell(name: string, environment: Record<string, string>, isEnough: (out: string) => boolean) {
  const child = spawn('bash', ['-c', `exec 2>&1\n${blockOf(page, name)}`], {
    env: { PATH: process.env.PATH, ...environment },
    detached: true,
  })
  let out = ''
  const enough = new Promise<void>((resolve) => {
    child.stdout.on('data', (bytes) => {
      out += bytes
      if (isEnough(out)) resolve()
    })
    child.on('close', () => resolve())
  })
  await enough
  if (child.exitCode === null) {
    process.kill(-(child.pid as number))
    if (child.exitCode === null) await once(child, 'close')
  }
  if (!isEnough(out)) throw new Error(out)
  return out
}

test('C10: the commands of docs/guides/any-client.md publish, stream, resume, poll and carry a job through', async () => {
  const hub = await createHub({ jwt: { secret } })
  const server = createServer(toNodeHandler(hub, { basePath: '/tidings' })).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    await hub.close({ drainMs: 0 })
    server.close()
  })
  const claims = { tidings: { subscribe: ['*'], publish: ['*'] } }
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('7')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret))
  const { port } = server.address() as AddressInfo
  const environment = { HUB: `http://127.0.0.1:${port}/tidings`, TOKEN: token }

  const published = JSON.parse(await shell('publish', environment, (out) => out.endsWith('}')))
  const stream = await shell(
    'stream',
    environment,
    (out) => out.includes('event: report.updated') && out.endsWith('\n\n'),
  )
  expect(stream).toContain(`id: ${published.cursor}\n`)
  expect(stream).toContain('"data":{"rows":120}')

  await hub.publish({ topic: 'report:9', type: 'report.updated', data: { rows: 121 } })
  const since = { ...environment, LAST: published.cursor as string }
  const resumed = await shell('resume', since, (out) => out.includes('event: report.updated') && out.endsWith('\n\n'))
  expect(resumed).toContain('"resumed":true')
  expect(resumed).toContain('"data":{"rows":121}')
  expect(resumed).not.toContain('"data":{"rows":120}')
  const poll = JSON.parse(await shell('poll', since, (out) => out.endsWith('}')))
  expect(poll.events.map(({ data }: { data: unknown }) => data)).toEqual([{ rows: 121 }])

  await shell('job', environment, (out) => out.includes('"status":"completed"'))
  expect(await hub.jobs.snapshot('crawl-1')).toMatchObject({
    counters: { processed: 1 },
    percent: 100,
    result: { pages: 1 },
  })
})

test.skipIf(skipped)(
  'C10: the page of docs/guides/any-client.md shows every event, also after the hub ended its stream',
  async () => {
    const readCookie = (request: Request) => (request.headers.get('cookie') === 'session=7' ? { userId: '7' } : null)
    const hub = await createHub({ authenticate: readCookie, retryMs: { from: 200, to: 300 } } as never)
    const answer = toNodeHandler(hub, { basePath: '/tidings' })
    const server = createServer((request, response) => {
      if (request.url?.startsWith('/tidings')) return void answer(request, response)
      response.setHeader('content-type', 'text/html').end(`<body>${blockOf(page, 'native')}</body>`)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const browser = await launch()
    onTestFinished(async () => {
      await browser.close()
      await hub.close({ drainMs: 0 })
      server.closeAllConnections()
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const context = await browser.newContext()
    await context.addCookies([{ name: 'session', value: '7', url }])
    const tab = await context.newPage()
    await tab.goto(url)
    const shows = (text: string): Promise<unknown> =>
      tab.waitForFunction((wanted) => document.body.innerText.includes(wanted), text)
    const publish = (n: number) => hub.publish({ to: { users: ['7'] }, type: `type.${n}`, data: n })
    while (hub.stats().connections === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    await publish(1)
    await shows('type.1 1')
    const [open] = (await hub.connections.list()).connections
    await hub.connections.disconnect({ id: open?.id as string })
    await publish(2)
    await shows('type.2 2')
    expect(await tab.evaluate(() => document.body.innerText.match(/type\.\d/g))).toEqual(['type.1', 'type.2'])
  },
)
