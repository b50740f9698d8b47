import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { planServe } from '#src/cli/serve-settings.js'
import { createClient } from '#src/client/index.js'
import { readStream, type StreamReader } from '../fixtures/stream.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { Program, run, serve } from './program.js'

const secret = 'a secret of at least thirty-two bytes'

async function start(workers: number) {
  const redis = await redisForTest()
  const args = ['--port', '0', '--store', redis.url, '--dev', '--workers', String(workers), '--drain-ms', '2000']
  const { program, url } = await serve(args, { TIDINGS_JWT_SECRET: secret })
  onTestFinished(() => void program.kill('SIGTERM'))
  // What it prints and what it logs come by two pipes.
  await program.until((one) => one.lines.length > 1 && pidsOf(one).length === workers)
  const admin = (program.lines[1] as string).split('#token=')[1] as string
  const connections = async () => {
    const response = await fetch(`${url}/connections`, { headers: { authorization: `Bearer ${admin}` } })
    return ((await response.json()) as { connections: { node: string }[] }).connections
  }
  const publish = async (data: number): Promise<void> => {
    const response = await fetch(`${url}/events?userId=7`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ to: { users: ['7'] }, type: 'number', data }),
    })
    expect(response.status).toBe(201)
  }
  const readers: StreamReader[] = []
  onTestFinished(async () => {
    await Promise.all(readers.map((reader) => reader.close()))
  })
  const read = async (): Promise<StreamReader> => {
    const reader = await readStream(url, { as: { userId: '7' }, topics: ['user:7'] })
    readers.push(reader)
    return reader
  }
  return { program, url, connections, publish, read }
}

/** The processes of the workers that are ready, by what they log. */
const pidsOf = ({ errors }: Program): number[] =>
  errors
    .split('\n')
    .filter((line) => line.includes('"url"') && line.includes('"msg":"ready"'))
    .map((line) => (JSON.parse(line) as { pid: number }).pid)

describe.skipIf(noRedis)('serve --workers', () => {
  test('workers share the port, each a node, and an event that one takes reaches the readers of all, once', async () => {
    const { connections, publish, read } = await start(2)
    const readers = [await read(), await read(), await read(), await read()]
    expect(new Set((await connections()).map(({ node }) => node)).size).toBe(2)
    for (let number = 1; number <= 20; number++) await publish(number)
    for (const reader of readers) {
      const events = await reader.until(({ data }) => data === 20)
      expect(events.map(({ data }) => data)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
    }
  })

  test('D2: a worker that is killed costs its readers nothing, and another takes its place', async () => {
    const { program, url, publish, read } = await start(2)
    await read()
    const clients = [1, 2].map(() => {
      const heard: unknown[] = []
      const client = createClient({ url, fetch: (address, init) => fetch(`${address}&userId=7`, init) })
      client.subscribe('user:7', { number: ({ data }) => heard.push(data) })
      onTestFinished(() => client.close())
      return { client, heard }
    })
    for (const { client } of clients)
      while (client.status.getSnapshot().status !== 'connected') await new Promise((next) => setTimeout(next, 10))
    await publish(1)
    process.kill(pidsOf(program)[0] as number, 'SIGKILL')
    await program.until(({ errors }) => errors.includes('another takes its place'))
    await publish(2)
    await program.until((one) => pidsOf(one).length === 3)
    await publish(3)
    for (const { heard } of clients) {
      while (heard.length < 3) await new Promise((next) => setTimeout(next, 10))
      expect(heard).toEqual([1, 2, 3])
    }
  })

  test('workers that are killed all at once are all started again', async () => {
    const { program } = await start(2)
    const ended = program.ended()
    for (const pid of pidsOf(program)) process.kill(pid, 'SIGKILL')
    const again = program.until((one) => pidsOf(one).length === 4).then(() => 'again')
    expect(await Promise.race([ended, again])).toBe('again')
    const urls = program.errors.match(/(?<="url":")[^"]+/g) as string[]
    expect((await fetch(`${urls.at(-1)}/ready`)).status).toBe(200)
    program.signal('SIGTERM')
    expect(await ended).toBe(0)
  })

  test('H3: SIGTERM says bye to the readers of all workers and ends with 0; with the first one all end', async () => {
    const { program, read } = await start(3)
    const readers = [await read(), await read(), await read()]
    program.signal('SIGTERM')
    for (const reader of readers) expect(await reader.control('bye')).toMatchObject({ reason: 'shutdown' })
    expect(await program.ended()).toBe(0)
    for (const pid of pidsOf(program)) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  test('H3: SIGTERM while workers begin ends them too, and the program with 0', async () => {
    const redis = await redisForTest()
    const folder = await mkdtemp(join(tmpdir(), 'tidings-workers-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    // Every process reads it, before it can hear anything.
    const config = `import cluster from 'node:cluster'
if (cluster.isWorker) process.stderr.write('a worker begins\\n')
export default {}`
    await writeFile(join(folder, 'tidings.config.js'), config)
    const args = ['serve', '--port', '0', '--store', redis.url, '--dev', '--workers', '2']
    const program = new Program(args, { TIDINGS_JWT_SECRET: secret }, undefined, folder)
    onTestFinished(() => void program.kill())
    await program.until(({ errors }) => errors.split('a worker begins').length > 2)
    program.signal('SIGTERM')
    expect(await program.ended()).toBe(0)
    for (const pid of pidsOf(program)) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  test('workers do not outlive the process that started them', async () => {
    const { program } = await start(2)
    await program.kill('SIGKILL')
    for (const pid of pidsOf(program)) {
      const isThere = (): boolean => {
        try {
          return process.kill(pid, 0)
        } catch {
          return false
        }
      }
      while (isThere()) await new Promise((next) => setTimeout(next, 20))
    }
  })

  test('what stops one worker at the start stops all, with its words and its code', async () => {
    const { url } = await redisForTest()
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const { port } = taken.address() as { port: number }
    const { code, lines, errors } = await run([
      'serve',
      '--port',
      String(port),
      '--store',
      url,
      '--workers',
      '2',
      '--dev',
    ])
    expect([code, lines]).toEqual([2, []])
    expect(errors).toContain('the port is in use')
  })
})

test.each(['memory', 'sqlite:./tidings.db'])(
  'several workers on %s are refused: they would not know of each other',
  (store) => {
    expect(() => planServe({ store, workers: 2, dev: true })).toThrow('--workers and --store')
  },
)
