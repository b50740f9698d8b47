import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { afterEach, describe, expect, test } from 'vitest'
import { fetchAs } from '#src/cli/target.js'
import { connectJobs } from '#src/worker/index.js'
import { freePorts } from '../fixtures/free-port.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { type Serving, run, serve } from './program.js'

const folder = mkdtempSync(join(tmpdir(), 'tidings-serve-'))
const secret = 'a secret that only this test knows, long enough'
const running: Serving[] = []

const start = async (...given: Parameters<typeof serve>): Promise<Serving> => {
  const serving = await serve(...given)
  running.push(serving)
  return serving
}

afterEach(async () => {
  for (const { program } of running.splice(0)) await program.kill()
  rmSync(folder, { recursive: true, force: true })
})

describe('tidings serve', () => {
  test('§4: the first line on stdout is the address, on a free port, the second a link to the dashboard; logs go to stderr', async () => {
    const { program, url } = await start(['--dev', '--port', '0', '--store', 'memory'])
    expect(program.lines[0]).toMatch(/^tidings ready http:\/\/127\.0\.0\.1:[1-9][0-9]*$/)
    expect((await fetch(`${url}/health`)).status).toBe(200)
    await program.until(({ errors, lines }) => errors.includes('"msg":"ready"') && lines.length > 1)
    expect(program.lines[1]).toMatch(new RegExp(`^${url}/dashboard#token=[\\w-]+\\.[\\w-]+\\.[\\w-]+$`))
    expect(program.lines).toHaveLength(2)
  })

  test('S5, O4: a store that is away at the start is one clear line, and the hub is ready all the same', async () => {
    const [port] = (await freePorts(1)) as [number]
    const { program, url } = await start(['--dev', '--port', '0', '--store', `redis://127.0.0.1:${port}`])
    await program.until(({ errors, lines }) => errors.includes('"msg":"ready"') && lines.length > 1)
    expect(program.lines).toEqual([`tidings ready ${url}`, `${url}/dashboard`])
    const lines = program.errors.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ level: 40, msg: 'the store is away', reason: expect.stringContaining('ECONNREFUSED') }),
      expect.objectContaining({ level: 30, msg: 'ready' }),
    ])
    expect(program.errors).not.toMatch(/stack|\.js/)
  })

  test('H10: each setting is also a variable, and the flag wins', async () => {
    const environment = { TIDINGS_DEV: '1', TIDINGS_PORT: '1', TIDINGS_STORE: 'memory', TIDINGS_HEARTBEAT_MS: '1234' }
    const { url } = await start(['--port', '0'], environment)
    const response = await fetch(`${url}/events?topic=user:7&userId=7`)
    const { value } = await response.body!.getReader().read()
    expect(new TextDecoder().decode(value)).toContain('"heartbeatMs":1234')
  })

  test('A1: with --jwt-secret a Bearer token says who somebody is, and nobody is anybody', async () => {
    const { url } = await start(['--port', '0', '--store', 'memory'], { TIDINGS_JWT_SECRET: secret })
    const token = await new SignJWT({ tidings: { publish: ['report:*'] } })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('7')
      .setExpirationTime('1m')
      .sign(new TextEncoder().encode(secret))
    const publish = ['publish', 'report:9', 'report.updated', '{"rows":1}', '--url', url]
    expect(await run([...publish, '--token', token])).toMatchObject({ code: 0 })
    expect(await run(publish, { TIDINGS_TOKEN: token })).toMatchObject({ code: 0 })
    const refused = await run([...publish, '--user', '7'])
    expect(refused.code).toBe(1)
    expect(refused.errors).toContain('[unauthorized]')
  })

  test.each([
    ['an unknown flag', ['--dev', '--prot', '4000'], {}, '--prot'],
    ['an unknown variable', ['--dev'], { TIDINGS_PROT: '4000' }, 'TIDINGS_PROT'],
    ['a malformed flag', ['--dev', '--heartbeat-ms', '25s'], {}, '--heartbeat-ms'],
    ['a malformed variable', ['--dev'], { TIDINGS_PORT: '70000' }, 'TIDINGS_PORT'],
    ['a switch that is neither on nor off', [], { TIDINGS_DEV: 'maybe' }, 'TIDINGS_DEV'],
    ['an unknown store', ['--dev', '--store', 'postgres://x'], {}, '--store'],
    ['no way to sign in', ['--store', 'memory'], {}, '--jwt-secret'],
    ['--dev beyond loopback', ['--dev', '--host', '0.0.0.0'], {}, '--host 0.0.0.0'],
    ['--dev in production', ['--dev', '--store', 'memory', '--port', '0'], { NODE_ENV: 'production' }, 'NODE_ENV'],
    ['a new epoch of nothing', ['--dev', '--store', 'memory', '--new-epoch'], {}, '--new-epoch'],
    ['a setting of another store', ['--dev', '--store', 'memory', '--redis-prefix', 'x:'], {}, '--redis-prefix'],
    ['no new epoch of Redis', ['--dev', '--store', 'redis://127.0.0.1', '--new-epoch'], {}, '--new-epoch'],
    [
      'a prefix that Redis Cluster would read',
      ['--dev', '--store', 'redis://127.0.0.1', '--redis-prefix', '{x}'],
      {},
      'prefix',
    ],
    ['an issuer of no tokens', ['--dev', '--jwt-issuer', 'x'], {}, '--jwt-issuer'],
  ])('H10: %s stops the start by name', async (_what, flags, environment, name) => {
    const { code, lines, errors } = await run(['serve', ...flags], environment as Record<string, string>)
    expect(code).toBe(2)
    expect(lines).toEqual([])
    expect(errors).toContain(name)
  })

  test('S1: a second hub on the same file is refused and told who has it', async () => {
    const flags = ['--dev', '--port', '0', '--store', `sqlite:${join(folder, 'owned.db')}`]
    await start(flags)
    const second = await run(['serve', ...flags])
    expect(second.code).toBe(1)
    expect(second.errors).toMatch(/\[store_locked\].*process [0-9]+/)
  })

  test.skipIf(noRedis)(
    'S1, S5: on Redis, whose password is in no log; that it is away is said once, and that it is back',
    async () => {
      const redis = await redisForTest({ password: 'a password nobody may read', keeps: 'log' })
      const store = redis.url
      const flags = ['--dev', '--port', '0', '--redis-prefix', 'mine:', '--redis-command-timeout-ms', '500']
      const { program, url } = await start([...flags, '--store', store], { TIDINGS_PUBLISH_QUEUE_ANSWER_MS: '1000' })
      expect((await (await fetch(`${url}/health`)).json()) as object).toMatchObject({ store: { kind: 'redis' } })
      const publish = async (data: number) =>
        await fetch(`${url}/events?userId=7`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ topic: 'user:7', type: 'n', data }),
        })
      expect((await publish(1)).status).toBe(201)
      await redis.kill()
      await program.until(({ errors }) => errors.includes('the store is away'))
      expect((await publish(2)).status).toBe(202)
      expect((await (await fetch(`${url}/health`)).json()) as object).toMatchObject({ status: 'degraded' })
      await redis.start()
      await program.until(({ errors }) => errors.includes('the store is back'))
      const poll = await fetch(`${url}/events?topic=user:7&userId=7&since=start`, {
        headers: { accept: 'application/json' },
      })
      expect(((await poll.json()) as { events: { data: number }[] }).events.map(({ data }) => data)).toContain(1)
      expect(program.errors.match(/the store is away/g)).toHaveLength(1)
      expect(program.errors).toContain(`"store":"redis://127.0.0.1:${redis.port}`)
      expect(program.errors).not.toMatch(/nobody/)
      expect(await program.kill('SIGTERM')).toBe(0)
    },
  )

  test('J2, [P11.12]: clean restarts of a hub cost its workers no increment', async () => {
    const flags = ['--dev', '--store', `sqlite:${join(folder, 'restarted.db')}`]
    let { program, url } = await start([...flags, '--port', '0'])
    const errors: unknown[] = []
    const hub = { url, headers: {}, query: [['userId', '7']] as const }
    const jobs = connectJobs({ url, fetch: fetchAs(hub), onError: (error) => errors.push(error) })
    const { job } = await jobs.create({ owner: 'user:7', kind: 'crawl', leaseMs: 60_000 })
    let counted = 0
    let restarting = true
    const handles = Array.from({ length: 8 }, () => jobs.open(job.id))
    const counting = handles.map(async (handle) => {
      while (restarting) if (await handle.increment({ processed: 1 })) counted++
    })
    for (let nth = 0; nth < 3; nth++) {
      const before = counted
      while (counted < before + 50) await new Promise((resolve) => setTimeout(resolve, 10))
      expect(await program.kill('SIGTERM')).toBe(0)
      program = (await start([...flags, '--port', new URL(url).port])).program
    }
    restarting = false
    await Promise.all(counting)
    expect(errors).toEqual([])
    expect((await job.snapshot())?.counters).toEqual({ processed: counted })
    for (const handle of handles) handle.close()
    jobs.close()
  })

  test('H3: SIGTERM says goodbye to readers and ends with 0', async () => {
    const { program, url } = await start(['--dev', '--port', '0', '--store', 'memory'])
    const response = await fetch(`${url}/events?topic=user:7&userId=7`)
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let heard = (await reader.read()).value ?? ''
    const end = program.kill('SIGTERM')
    for (let next = await reader.read(); !next.done; next = await reader.read()) heard += next.value
    expect(heard).toContain('event: bye')
    expect(heard).toContain('"reason":"shutdown"')
    expect(await end).toBe(0)
  })
})
