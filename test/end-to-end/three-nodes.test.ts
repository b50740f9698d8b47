import { describe, expect, test } from 'vitest'
import { hasNginx } from '../fixtures/nginx.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { killNodes, rollingRestart } from './three-nodes-disturbances.js'
import { runThreeNodes } from './three-nodes.js'

// three-nodes.full.test.ts does the same with 300 readers, for minutes.
describe.skipIf(noRedis !== null || !hasNginx)('three nodes on one Redis behind nginx, round robin', () => {
  // A quarter of a minute each on a machine that is idle; they end what hangs.
  const timeout = 240_000
  const few = { readers: 36, readerProcesses: 2, haste: 0.2 }

  test('D1–D4: nodes die and their feeds are cut: one order for all, nothing lost, nothing twice', {
    timeout,
  }, async () => {
    const redis = await redisForTest()
    let counts = {}
    const figures = await runThreeNodes({
      ...few,
      seed: 20_261,
      store: redis.url,
      disturb: async (stage) => {
        counts = await killNodes(stage, redis, 6_000)
      },
    })
    console.log('three nodes, kills:', { ...counts, ...figures })
    expect(figures.given).toBeGreaterThan(figures.published)
    expect(figures.connections).toBeGreaterThan(few.readers)
    expect(Object.keys(figures.landings).filter((node) => /:\d+$/.test(node))).toHaveLength(3)
  })

  test('H3, S3: a rolling restart under load ends every node with 0 and loses nothing', { timeout }, async () => {
    const redis = await redisForTest()
    const figures = await runThreeNodes({
      ...few,
      seed: 20_262,
      store: redis.url,
      disturb: async (stage) => {
        // S3: however many readers, one subscriber a hub (three nodes, two that publish in process), and a channel for what
        // is read and for what nodes tell each other.
        const subscribers = String(await redis.command('CLIENT', 'LIST', 'TYPE', 'PUBSUB'))
          .trim()
          .split('\n')
        expect(subscribers.length).toBeLessThanOrEqual(5)
        expect(await redis.command('PUBSUB', 'CHANNELS')).toSatisfy((channels: string[]) => channels.length <= 2)
        await rollingRestart(stage)
      },
    })
    console.log('three nodes, rolling restart:', figures)
  })
})
