import { describe, test } from 'vitest'
import { hasNginx } from '../fixtures/nginx.js'
import { noRedis, redisForTest } from '../fixtures/redis.js'
import { killNodes, rollingRestart } from './three-nodes-disturbances.js'
import { runThreeNodes } from './three-nodes.js'

describe.skipIf(noRedis !== null || !hasNginx)('three nodes on one Redis behind nginx, 300 readers', () => {
  const many = { readers: 300, readerProcesses: 3, haste: 1 }

  test('D1–D4: nodes die and their feeds are cut for two minutes', { timeout: 400_000 }, async () => {
    const redis = await redisForTest({ keeps: 'log' })
    const seed = Math.floor(Math.random() * 2 ** 31)
    let counts = {}
    const figures = await runThreeNodes({
      ...many,
      seed,
      store: redis.url,
      disturb: async (stage) => {
        counts = await killNodes(stage, redis, 120_000)
      },
    })
    console.log('three nodes, 300 readers, kills:', { ...counts, ...figures })
  })

  test('H3: three rolling restarts', { timeout: 400_000 }, async () => {
    const redis = await redisForTest()
    const figures = await runThreeNodes({
      ...many,
      seed: 20_263,
      store: redis.url,
      disturb: async (stage) => {
        for (let round = 0; round < 3; round++) await rollingRestart(stage)
      },
    })
    console.log('three nodes, 300 readers, rolling restarts:', figures)
  })
})
