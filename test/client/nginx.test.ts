import { expect, test } from 'vitest'
import { skipped, switchBuffering } from './nginx.js'

test.skipIf(skipped)(
  'C4: behind a real nginx that begins and stops to buffer, nothing is lost or repeated',
  async () => {
    const { got, published, gaps, noticedMs, returnedMs } = await switchBuffering(2)
    expect(got).toEqual(Array.from({ length: published }, (_, n) => n))
    expect(gaps).toEqual([])
    console.log(`noticed after ${noticedMs.map(Math.round)} ms, returned after ${returnedMs.map(Math.round)} ms`)
  },
)
