import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import { type RedisServer, redisForTest } from '../fixtures/redis.js'

interface Sizes {
  readonly heapUsed: number
  readonly timers: number
  readonly keys: readonly string[]
  readonly redisBytes: number
  readonly channels: readonly string[]
}

/**
 * `count` short jobs and as many topics come and go, after fewer that make everything that is made once (J8): keys, channels
 * and heap are then where they were.
 */
export async function jobsAndTopicsComeAndGo(count: number): Promise<void> {
  const server = await redisForTest()
  const child: ChildProcess = fork(
    fileURLToPath(new URL('redis-leftovers.mjs', import.meta.url)),
    [`redis://127.0.0.1:${server.port}`],
    { execArgv: ['--expose-gc'] },
  )
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  await once(child, 'message')
  const round = async (name: string, of: number): Promise<Sizes> => {
    const answer = once(child, 'message')
    child.send({ round: name, count: of })
    const [told] = (await Promise.race([answer, exited.then(([code]) => [{ failed: `it ended with ${code}` }])])) as [
      { failed?: string; errors?: string[]; heapUsed: number; timers: number },
    ]
    if (told.failed) throw new Error(`${told.failed}\n${told.errors?.join('\n')}`)
    expect(told.errors).toEqual([])
    return { heapUsed: told.heapUsed, timers: told.timers, ...(await sizesOf(server)) }
  }
  // The newest thousand connections that closed are kept for whoever asks (O2): their list is full after this.
  await round('warm', Math.max(600, count / 10))
  const before = await round('before', Math.max(100, count / 10))
  const after = await round('measured', count)
  const heapKiB = Math.round((after.heapUsed - before.heapUsed) / 1024)
  const redisKiB = Math.round((after.redisBytes - before.redisBytes) / 1024)
  console.log(
    `${count} jobs and ${count} topics: keys ${before.keys.length} → ${after.keys.length}, ` +
      `Redis ${redisKiB >= 0 ? '+' : ''}${redisKiB} KiB, heap ${heapKiB >= 0 ? '+' : ''}${heapKiB} KiB`,
  )
  expect(after.keys).toEqual(before.keys)
  // A node hears the others of its store as long as it runs; nothing else is left.
  expect(after.channels).toEqual(before.channels)
  expect(after.channels.length).toBeLessThanOrEqual(1)
  expect(after.timers).toBe(before.timers)
  // What grows with each would be 100 bytes a job at least.
  expect(redisKiB).toBeLessThan(Math.max(100, (count * 25) / 1024))
  expect(heapKiB).toBeLessThan(Math.max(1_024, (count * 100) / 1024))
}

async function sizesOf(server: RedisServer): Promise<Omit<Sizes, 'heapUsed' | 'timers'>> {
  const keys = ((await server.command('KEYS', '*')) as string[]).sort()
  const bytes = await Promise.all(keys.map((key) => server.command('MEMORY', 'USAGE', key, 'SAMPLES', 0)))
  return {
    keys,
    // Of what is in the keys: all of a server's memory also tells how many keys it ever had, until it tidies up.
    redisBytes: bytes.reduce<number>((sum, each) => sum + Number(each), 0),
    channels: (await server.command('PUBSUB', 'CHANNELS')) as string[],
  }
}
