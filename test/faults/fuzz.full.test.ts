import { expect, test } from 'vitest'
import { fuzz } from './fuzz.js'

test('§4, I17: a hundred thousand random requests and bytes', { timeout: 1_200_000 }, async () => {
  const seed = Number(process.env.TIDINGS_SEED ?? Date.now() % 1_000_000)
  const result = await fuzz(100_000, seed)
  console.log(`seed ${seed}: ${JSON.stringify(result)}`)
  expect({ seed, wrong: result.wrong }).toEqual({ seed, wrong: [] })
  expect(result.heapGrewBytes).toBeLessThan(40_000_000)
})
