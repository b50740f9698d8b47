import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { measuredHours, warmUpHours } from '../client/day.js'
import type {} from './day-page.js'
import { bundle, launch, servePage, skipped } from './page.js'

test.skipIf(skipped)(
  'C2: a page that is left open for 24 hours, simulated, holds no more memory after them',
  async () => {
    const files = await bundle(join(import.meta.dirname, 'day-page.ts'))
    const { server, url } = await servePage((_request, _response, next) => next(), files)
    const browser = await launch()
    onTestFinished(async () => {
      await browser.close()
      server.close()
    })
    const page = await browser.newPage()
    await page.goto(url)
    await page.waitForFunction(() => globalThis.day !== undefined)
    const session = await page.context().newCDPSession(page)
    const usedBytes = async (): Promise<number> => {
      await session.send('HeapProfiler.collectGarbage')
      return (await session.send('Runtime.getHeapUsage')).usedSize
    }
    await page.evaluate((hours) => globalThis.day.pass(hours), warmUpHours)
    const before = await usedBytes()
    await page.evaluate((hours) => globalThis.day.pass(hours), measuredHours)
    const grownKb = Math.round(((await usedBytes()) - before) / 1_024)
    const { timers, heard, published } = await page.evaluate(() => {
      const { timers, heard, published } = globalThis.day
      globalThis.day.close()
      return { timers, heard, published }
    })
    console.log(`in Chromium, after 16 more hours: ${grownKb} kB, ${timers} timers, ${heard} events`)
    expect(grownKb).toBeLessThan(500)
    expect(timers).toBeLessThan(8)
    expect(heard).toBeGreaterThan(0.95 * published)
  },
  120_000,
)
