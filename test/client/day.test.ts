import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { Day, measuredHours, warmUpHours } from './day.js'

test('C2: 24 hours of events, pings, cuts and switches leave nothing behind', async () => {
  setFlagsFromString('--expose_gc')
  const gc = runInNewContext('gc') as () => void
  const usedBytes = async (): Promise<number> => {
    for (let time = 0; time < 3; time++) {
      gc()
      await new Promise(setImmediate)
    }
    return process.memoryUsage().heapUsed
  }
  const day = new Day()
  await day.pass(warmUpHours)
  const before = await usedBytes()
  await day.pass(measuredHours)
  const grownKb = Math.round(((await usedBytes()) - before) / 1_024)
  console.log(`after 16 more hours: ${grownKb} kB, ${day.timers} timers, ${day.heard} events`)
  expect(grownKb).toBeLessThan(500)
  expect(day.timers).toBeLessThan(8)
  expect(day.heard).toBeGreaterThan(0.95 * day.published)
  day.close()
})
