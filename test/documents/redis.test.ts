import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createHub, type Hub } from '#src/index.js'
import { redisStore } from '#src/store/redis.js'
import { run, serve } from '../cli/program.js'
import { noRedis, redisForTest, type RedisServer } from '../fixtures/redis.js'
import { blockOf, blocksOf, replaced } from './blocks.js'
import { complaintsOf } from './compile.js'

const page = 'docs/guides/redis.md'

const settingsOf = (name: string): Record<string, string> =>
  Object.fromEntries(
    blockOf(page, name)
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
  )

async function hubOn(url: string): Promise<Hub> {
  const hub = await createHub({ development: true, store: redisStore({ url }) })
  onTestFinished(() => hub.close({ drainMs: 0 }))
  return hub
}

const event = { topic: 'report:9', type: 'report.updated', data: { rows: 1 } }

/** Runs `redis-cli` lines of the guide against a server. */
const cli = ({ port }: RedisServer, lines: string): string =>
  execFileSync('sh', ['-c', lines.replaceAll('redis-cli', `redis-cli -p ${port}`)], { encoding: 'utf8' })

describe('docs/guides/redis.md', () => {
  test('every program compiles', () => {
    const programs = blocksOf(page).filter(({ language }) => language === 'ts')
    expect(programs.map(({ name }) => name)).toEqual(['hub', 'sentinel', 'secured'])
    expect(complaintsOf(Object.fromEntries(programs.map(({ name, text }) => [name, text])))).toEqual([])
  })

  test('every flag that it names is one of serve', async () => {
    const { lines } = await run(['serve', '--help'])
    const flags = [...readFileSync(page, 'utf8').matchAll(/`(--[a-z-]+)/g)].map(([, flag]) => flag as string)
    expect(flags.length).toBeGreaterThan(4)
    for (const flag of flags) expect(lines.join('\n')).toContain(`${flag} `)
  })

  test('the package to install is the one that the store asks for', () => {
    const { peerDependencies, peerDependenciesMeta } = createRequire(import.meta.url)('../../package.json')
    expect(blockOf(page, 'serve')).toContain('npm install ioredis\n')
    expect(peerDependencies).toHaveProperty('ioredis')
    expect(peerDependenciesMeta.ioredis).toEqual({ optional: true })
  })

  test.skipIf(noRedis)(
    'S1: a hub starts as the guide says on a Redis with its settings, and the looks look',
    async () => {
      const redis = await redisForTest({ settings: settingsOf('redis.conf') })
      const args = (blockOf(page, 'serve').split('npx tidings serve ')[1] as string).trim().split(' ')
      const store = args.map((arg) => arg.replace('redis://127.0.0.1:6379', redis.url))
      expect(store).toContain(redis.url)
      const { program, url } = await serve([...store, '--dev', '--port', '0'])
      onTestFinished(async () => void (await program.kill()))
      const stream = await fetch(`${url}/events?topic=user:7&userId=7`)
      const { value } = await (stream.body as ReadableStream<Uint8Array>).getReader().read()
      expect(new TextDecoder().decode(value)).toContain('event: hello')
      const looked = cli(redis, blockOf(page, 'look'))
      expect(looked).toContain('noeviction')
      expect(looked).toMatch(/tidings:\{[0-9a-f]+\}:feed/)
      expect(looked).toContain('cmdstat_evalsha')
    },
  )

  test.skipIf(noRedis)('with replicas asked for and none near, publishes are refused and reading goes on', async () => {
    const redis = await redisForTest()
    const hub = await hubOn(redis.url)
    await hub.publish(event)
    for (const [name, value] of Object.entries(settingsOf('replication.conf'))) {
      expect(await redis.command('CONFIG', 'SET', name, value)).toBe('OK')
    }
    await expect(hub.publish(event)).rejects.toMatchObject({ code: 'store_read_only' })
    const first = await hub.subscribe(['report:9'], { since: 'start' }).next()
    expect(first.value).toMatchObject({ data: { rows: 1 } })
  })

  test.skipIf(noRedis)('password, TLS, database and prefix are given by variables, as the guide says', async () => {
    const redis = await redisForTest({ password: 'open sesame', tls: true })
    const names = ['TIDINGS_STORE', 'TIDINGS_REDIS_PASSWORD', 'NODE_EXTRA_CA_CERTS']
    const text = readFileSync(page, 'utf8')
    for (const name of names) expect(text).toContain(`\`${name}\``)
    const { program, url } = await serve(['--dev', '--port', '0', '--redis-prefix', 'shop:'], {
      TIDINGS_STORE: `rediss://127.0.0.1:${redis.port}/2`,
      TIDINGS_REDIS_PASSWORD: 'open sesame',
      NODE_EXTRA_CA_CERTS: join(redis.folder, 'certificate.pem'),
    })
    onTestFinished(async () => void (await program.kill()))
    const published = await fetch(`${url}/events?userId=7`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(event),
    })
    expect(published.status).toBe(201)
    expect(await redis.info('db2')).toMatch(/keys=[1-9]/)
    expect(text).toContain('`--redis-prefix`')
  })

  test.skipIf(noRedis)('a Redis that evicts is refused', async () => {
    const redis = await redisForTest({ settings: { 'maxmemory-policy': 'allkeys-lru' } })
    const refusal = { code: 'option_invalid', field: 'allowEviction' }
    await expect(createHub({ development: true, store: redisStore({ url: redis.url }) })).rejects.toMatchObject(refusal)
  })

  test.skipIf(noRedis)('the rights of its user are enough', async () => {
    const redis = await redisForTest()
    expect(cli(redis, blockOf(page, 'acl'))).toContain('OK')
    const hub = await hubOn(replaced(redis.url, { 'redis://': 'redis://tidings:a%20long%20password@' }))
    const events = hub.subscribe(['report:9'], { since: 'start' })
    const next = events.next()
    await hub.publish(event)
    expect((await next).value).toMatchObject({ type: 'report.updated' })
    const { job } = await hub.jobs.create({ owner: 'user:7', kind: 'crawl' })
    await hub.jobs.run(job.id, async () => null)
    expect((await hub.jobs.snapshot(job.id))?.status).toBe('completed')
    await events.return?.()
  })
})
