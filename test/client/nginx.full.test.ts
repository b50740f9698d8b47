import { expect, test } from 'vitest'
import { skipped, switchBuffering } from './nginx.js'

test.skipIf(skipped)(
  'C4: 20 switches behind a real nginx: each is noticed, nothing is lost or repeated',
  async () => {
    const { got, published, gaps, noticedMs, returnedMs, failures } = await switchBuffering(10)
    expect(got).toEqual(Array.from({ length: published }, (_, n) => n))
    expect(gaps).toEqual([])
    console.log(
      `noticed after ${noticedMs.map(Math.round)} ms, returned after ${returnedMs.map(Math.round)} ms`,
      failures,
    )
  },
  300_000,
)
