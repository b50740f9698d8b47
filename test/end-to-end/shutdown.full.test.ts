import { describe, expect, test } from 'vitest'
import { noRedis } from '../fixtures/redis.js'
import { drain, kill, twice } from './shutdown-ends.js'
import { expectSpread } from './shutdown-spread.js'
import { runShutdown } from './shutdown.js'

describe.skipIf(noRedis !== null)('one of two nodes ends under 2,000 readers', { timeout: 240_000 }, () => {
  // The times are the defaults.
  const scene = { readers: 2_000, readerProcesses: 2, drainMs: 10_000, returnWindowMs: 10_000, everyMs: 250 }

  test('H3, H7: SIGTERM', async () => {
    const run = await runShutdown({ ...scene, end: drain })
    const spread = expectSpread(run, scene.returnWindowMs)
    console.log('SIGTERM, 2,000 readers:', { ...run.told, ...run.figures, spread })
  })

  test('H3: SIGTERM twice', async () => {
    const run = await runShutdown({ ...scene, end: twice })
    console.log('SIGTERM twice, 2,000 readers:', { ...run.told, ...run.figures })
  })

  test('D2: SIGKILL', async () => {
    const run = await runShutdown({ ...scene, end: kill })
    expect(run.figures.byes).toBe(0)
    console.log('SIGKILL, 2,000 readers:', run.figures)
  })
})
