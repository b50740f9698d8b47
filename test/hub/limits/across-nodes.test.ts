import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { redisStore } from '#src/store/redis.js'
import { noRedis, redisForTest } from '../../fixtures/redis.js'
import { startHub, type TestHub } from '../../http/server.js'

const one = { userId: 'root', sessionId: 's', subscribe: ['*'] }
const clientOf = (n: number): string => `client-${n}-`.padEnd(32, 'x')
const limits = { connections: { session: 3, user: 3 } }

async function until(condition: () => boolean | Promise<boolean>, seconds = 60): Promise<number> {
  const began = performance.now()
  while (performance.now() - began < seconds * 1_000) {
    if (await condition()) return performance.now() - began
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('It did not come about.')
}

const open = (hub: TestHub, client?: string, as: typeof one = one) =>
  hub.stream({ as, topics: ['a'], ...(client && { query: { client } }) })

/** Whether one more stream of the session would be let in here. */
const isFull = async (hub: TestHub, as: typeof one = one): Promise<boolean> =>
  (await hub.call('/events?topic=a', { as, accept: 'application/json' })).status === 429

describe.skipIf(noRedis)('A6: limits across nodes on Redis', () => {
  test('A6: what is open on other nodes counts here within about a second, and no longer once it is gone', async () => {
    const { url } = await redisForTest()
    const [first, second, third] = [
      await startHub({ store: redisStore({ url }), limits }),
      await startHub({ store: redisStore({ url }), limits }),
      await startHub({ store: redisStore({ url }), limits }),
    ] as const
    const streams = [await open(first), await open(second), await open(second)]
    const tookMs = await until(() => isFull(third))
    console.log(`what is open elsewhere counted after ${Math.round(tookMs)} ms`)
    expect(tookMs).toBeLessThan(10_000)
    await until(() => isFull(first))
    await streams[1]?.close()
    await until(async () => !(await isFull(third)))
    streams.push(await open(third))
    await until(() => isFull(first))
    // A node that joins learns of all that is open.
    const fourth = await startHub({ store: redisStore({ url }), limits })
    await until(() => isFull(fourth))
    // One that goes takes its counts with it.
    await second.hub.close({ drainMs: 0 })
    await until(async () => !(await isFull(fourth)))
  })

  test('A6: a client that moves to another node takes its place along; the old stream hears `replaced`', async () => {
    const { url } = await redisForTest()
    const first = await startHub({ store: redisStore({ url }), limits })
    const second = await startHub({ store: redisStore({ url }), limits })
    const streams = [await open(first, clientOf(1)), await open(first, clientOf(2)), await open(first, clientOf(3))]
    await until(() => isFull(second))
    const moved = await open(second, clientOf(2))
    expect((await streams[1]?.control('bye'))?.reason).toBe('replaced')
    await streams[1]?.ended()
    // Another user's word for it means nothing.
    await open(second, clientOf(1), { ...one, userId: 'else', sessionId: 'else' })
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    for (const stream of [streams[0], moved, streams[2]])
      expect(stream?.controls.map(({ name }) => name)).not.toContain('bye')
    for (const hub of [first, second]) await until(() => isFull(hub))
  })

  test('I21: the counts of a node that is killed are gone after five seconds', async () => {
    const { url } = await redisForTest()
    const hub = await startHub({ store: redisStore({ url }), limits })
    const node = join(import.meta.dirname, '../../faults/redis-node.mjs')
    const dist = join(import.meta.dirname, '../../../dist')
    const child: ChildProcess = fork(node, [dist, url, '{}'])
    onTestFinished(() => void child.kill('SIGKILL'))
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    const abort = new AbortController()
    onTestFinished(() => abort.abort())
    const root = { userId: 'root', sessionId: 'mine', subscribe: ['*'] }
    const streams: Response[] = []
    // Kept: a response that is collected is cancelled, and its stream is gone.
    for (let n = 0; n < 3; n++) {
      streams.push(await fetch(`http://127.0.0.1:${port}/events?topic=a`, { signal: abort.signal }))
    }
    await until(() => isFull(hub, root))
    expect(streams.map(({ status }) => status)).toEqual([200, 200, 200])
    child.kill('SIGKILL')
    const tookMs = await until(async () => !(await isFull(hub, root)), 60)
    expect(tookMs).toBeGreaterThan(2_000)
    expect(tookMs).toBeLessThan(30_000)
  })

  test('S5: while Redis is away a node counts its own, and all again when it is back', async () => {
    const redis = await redisForTest({ keeps: 'log' })
    const node = () => startHub({ store: redisStore({ url: redis.url, commandTimeoutMs: 500 }), limits })
    const [first, second] = [await node(), await node()] as const
    await open(first)
    await open(first)
    await open(second)
    await until(() => isFull(second))
    await redis.kill()
    const isFullNow = async (hub: TestHub): Promise<boolean> => {
      const accept = 'text/event-stream, application/problem+json'
      const abort = new AbortController()
      const response = await fetch(`${hub.url}/events?topic=a`, {
        headers: { accept, 'x-session': encodeURIComponent(JSON.stringify(one)) },
        signal: abort.signal,
      })
      abort.abort()
      return response.status === 429
    }
    await until(async () => !(await isFullNow(second)))
    await open(second)
    await open(second)
    expect(await isFullNow(second)).toBe(true)
    expect(await isFullNow(first)).toBe(false)
    await redis.start()
    await until(() => isFullNow(first), 60)
  })
})
