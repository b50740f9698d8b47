import { describe, expect, test } from 'vitest'
import { hasNginx } from '../fixtures/nginx.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { killNodes, rollingRestart } from './three-nodes-disturbances.js'
import { runThreeNodes } from './three-nodes.js'

// three-nodes.full.test.ts does the same with 300 readers, for minutes.
describe.skipIf(noRedis !== null || !hasNginx)('three nodes on one Redis behind nginx, round robin', () => {
  const few = { readers: 36, readerProcesses: 2, haste: 0.2 }

  test('D1–D4: nodes die and their feeds are cut: one order for all, nothing lost, nothing twice', async () => {
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
    expect(Object.keys(figures.landings).filter((node) => /:\d+$/.test(node))).toHaveLength(3)
  })

  test('H3: a rolling restart under load ends every node with 0 and loses nothing', async () => {
    const redis = await redisForTest()
    const figures = await runThreeNodes({ ...few, seed: 20_262, store: redis.url, disturb: rollingRestart })
    console.log('three nodes, rolling restart:', figures)
  })
})
