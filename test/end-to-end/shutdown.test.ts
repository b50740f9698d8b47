import { describe, expect, test } from 'vitest'
import { noRedis } from '../fixtures/redis.js'
import { drain, kill, twice } from './shutdown-ends.js'
import { expectSpread } from './shutdown-spread.js'
import { runShutdown } from './shutdown.js'

// shutdown.full.test.ts does the same with 2,000 readers.
describe.skipIf(noRedis !== null)('one of two nodes ends under 200 readers', () => {
  const scene = { readers: 200, readerProcesses: 2, drainMs: 4_000, returnWindowMs: 6_000, everyMs: 50 }

  test('H3, H7: SIGTERM: not ready at once, everybody told when to come back, code 0, nothing lost or twice', async () => {
    const run = await runShutdown({ ...scene, end: drain })
    const spread = expectSpread(run, scene.returnWindowMs)
    console.log('SIGTERM, 200 readers:', { ...run.told, ...run.figures, spread })
  })

  test('H3: SIGTERM twice: ends at once with 1, and everybody goes on elsewhere', async () => {
    // So long that an end before half of it is no matter of how fast the machine is.
    const run = await runShutdown({ ...scene, drainMs: 60_000, end: twice })
    console.log('SIGTERM twice, 200 readers:', { ...run.told, ...run.figures })
  })

  test('D2: SIGKILL: nobody hears a word, and everybody goes on elsewhere', async () => {
    const run = await runShutdown({ ...scene, end: kill })
    expect(run.figures.byes).toBe(0)
    console.log('SIGKILL, 200 readers:', run.figures)
  })
})
