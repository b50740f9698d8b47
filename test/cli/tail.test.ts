import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../fixtures/free-port.js'
import { Program, run, serve } from './program.js'

const folder = mkdtempSync(join(tmpdir(), 'tidings-tail-'))
const running: Program[] = []
const keep = <Kept extends Program>(program: Kept): Kept => {
  running.push(program)
  return program
}

afterEach(async () => {
  for (const program of running.splice(0)) await program.kill()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function hub(name: string, port = '0'): Promise<{ program: Program; url: string }> {
  const store = `sqlite:${join(folder, name)}`
  const serving = await serve([
    '--dev',
    '--port',
    port,
    '--store',
    store,
    '--heartbeat-ms',
    '500',
    '--return-window-ms',
    '200',
  ])
  keep(serving.program)
  return serving
}

const numbers = ({ lines }: Program): number[] => lines.map((line) => JSON.parse(line).data.n)

describe('tidings publish and tail', () => {
  test('E1: tail of an address where nobody listens names the address, not a lost connection', async () => {
    const { program, url } = await hub('gone.db', String(await freePort()))
    await program.kill()
    const tail = keep(new Program(['tail', 'user:7', '--url', url, '--user', '7']))
    await tail.until(({ errors }) => errors.includes(`no answer from ${url}: ECONNREFUSED`))
    expect(tail.errors).not.toContain('connection lost')
    // It tries a second time, at the earliest half a second later: nothing new is to be said of it.
    await hub('gone.db', new URL(url).port)
    await tail.until(({ errors }) => errors.includes('connected'))
    expect(tail.errors.split('\n')).toEqual([
      `tidings: no answer from ${url}: ECONNREFUSED; trying again until it works`,
      'tidings: connected',
      '',
    ])
  })

  test('O5: an address where something else answers ends it at once, and says where the hub may be', async () => {
    const server = createServer((_, response) => response.writeHead(404).end('<h1>Not here</h1>'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    for (const args of [
      ['tail', 'user:7'],
      ['publish', 'user:7', 'n', '1'],
      ['job', 'show', 'c1'],
    ]) {
      const { code, errors } = await run([...args, '--url', url])
      expect([code, errors.split('\n').slice(1)]).toEqual([
        1,
        [`No hub answers there: is it at ${url}/tidings? Say where with --url or TIDINGS_URL.`, ''],
      ])
      expect(errors).toMatch(/^tidings: http:\/\/127\.0\.0\.1:\d+\/[a-z0-9/]+ answered 404\.$/m)
    }
    const below = await run(['tail', 'user:7', '--url', `${url}/other`])
    expect(below.errors).toContain(`is it at ${url}?`)
  })

  test('O5: every failure is told in one style, whoever found it', async () => {
    const { url } = await hub('style.db')
    for (const [args, words] of [
      [['tail'], /^tidings: missing required argument 'topic'$/m],
      [['publish', 'a', 'b', '1', '--nonsense'], /^tidings: unknown option '--nonsense'$/m],
      [['publish', 'user:7', 'n', '1', '--url', 'ftp://x'], /^tidings: \[option_invalid\] --url must be/m],
      [['job', 'show', 'none', '--url', url, '--user', '7'], /^tidings: \[(not_found|forbidden)\] /m],
      [['tail', 'user:8', '--url', url, '--user', '7'], /^tidings: \[forbidden\] /m],
    ] as const) {
      const { errors } = await run(args)
      expect(errors).toMatch(words)
      expect(errors).not.toMatch(/TidingsError|^error:|No hub answers/m)
    }
  })

  test('E1: a line is one envelope, of the topics and types asked for', async () => {
    const { url } = await hub('lines.db')
    const environment = { TIDINGS_URL: url, TIDINGS_USER: '7' }
    const tail = keep(new Program(['tail', 'user:7', 'all', '--since', 'start', '--type', 'wanted'], environment))
    const published = await run(['publish', 'user:7', 'wanted', '{"n":1}', '--priority', 'high'], environment)
    await run(['publish', 'user:8', 'wanted', '{"n":2}'], environment)
    await run(['publish', 'user:7', 'other', '{"n":3}'], environment)
    await run(['publish', 'all', 'wanted', '{"n":4}'], environment)
    await tail.until(({ lines }) => lines.length >= 2)
    expect(numbers(tail)).toEqual([1, 4])
    const { id } = JSON.parse(published.lines[0] as string)
    expect(JSON.parse(tail.lines[0] as string)).toMatchObject({ id, topic: 'user:7', type: 'wanted', priority: 'high' })
  })

  test('D3: publishing the same id again stores nothing and gets the first answer', async () => {
    const { url } = await hub('ids.db')
    const again = ['publish', 'user:7', 'n', '{"n":1}', '--id', 'report-9', '--url', url, '--user', '7']
    const [first, second] = [await run(again), await run(again)]
    expect(JSON.parse(second.lines[0] as string)).toMatchObject(JSON.parse(first.lines[0] as string))
    const other = await run(['publish', 'user:7', 'n', '{"n":2}', '--id', 'report-9', '--url', url, '--user', '7'])
    expect(other.code).toBe(1)
    expect(other.errors).toContain('[id_reused]')
  })

  test('what the hub refuses for good ends the command with its words', async () => {
    const { url } = await hub('refusals.db')
    const asked = await run(['tail', 'user:8', '--url', url, '--user', '7'])
    expect(asked.code).toBe(1)
    expect(asked.errors).toContain('[forbidden]')
    expect((await run(['tail', 'user:7', '--since', 'never', '--url', url, '--user', '7'])).errors).toContain('since')
    expect((await run(['publish', 'user:7', 'n', '{', '--url', url, '--user', '7'])).errors).toContain('<json>')
    expect((await run(['publish', 'user: 7', 'n', '1', '--url', url, '--user', '7'])).errors).toContain('topic_invalid')
    expect((await run(['publish', 'user:7', 'n', '1', '--url', 'ftp://x'])).errors).toContain('--url')
    expect((await run(['tail', 'user:7', '--user', '7', '--token', 'x'])).errors).toContain('--token and --user')
  })

  test('D2, D3: a hub killed and restarted under a tail loses nothing and repeats nothing', async () => {
    const count = 60
    const first = await hub('killed.db', String(await freePort()))
    const { url } = first
    const port = new URL(url).port
    const tail = keep(new Program(['tail', 'user:7', '--since', 'start', '--url', url, '--user', '7']))
    const publish = async (n: number): Promise<void> => {
      const event = { id: `n-${n}`, topic: 'user:7', type: 'n', data: { n } }
      const response = await fetch(`${url}/events?userId=7`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(event),
      })
      if (!response.ok) throw new Error(`refused with ${response.status}`)
    }
    for (let n = 0; n < count / 3; n++) await publish(n)
    await tail.until(({ lines }) => lines.length > 0)
    // Killed with a publish on its way: whether it was stored is unknown, so it is sent again with its id.
    const unknown = publish(count / 3).catch(() => {})
    await first.program.kill()
    await unknown
    const second = await hub('killed.db', port)
    for (let n = count / 3; n < (2 * count) / 3; n++) await publish(n)
    await second.program.kill('SIGTERM')
    const third = await hub('killed.db', port)
    for (let n = (2 * count) / 3; n < count; n++) await publish(n)
    await tail.until(({ lines }) => lines.length >= count)
    expect(numbers(tail)).toEqual(Array.from({ length: count }, (_, n) => n))
    expect(tail.errors).not.toContain('gap')
    await third.program.kill()
  })
})
