import { expect, test } from 'vitest'
import { uuidv7Ids } from '#src/ids.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { seededRandom } from '#src/testing/seeded-random.js'

const draw = (seed: number): number[] => {
  const random = seededRandom(seed)
  return Array.from({ length: 1_000 }, () => random.fraction())
}

test('the same seed gives the same numbers, bytes and ids; another seed gives others', () => {
  expect(draw(7)).toEqual(draw(7))
  expect(draw(7)).not.toEqual(draw(8))
  expect(seededRandom(7).bytes(16)).toEqual(seededRandom(7).bytes(16))
  const id = (seed: number): string => uuidv7Ids(fakeClock(), seededRandom(seed))()
  expect(id(7)).toBe(id(7))
  expect(id(7)).not.toBe(id(8))
})

test('fractions lie in [0, 1) and fill it evenly', () => {
  const numbers = Array.from({ length: 20 }, (_, seed) => draw(seed)).flat()
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...numbers)).toBeLessThan(1)
  const tenths = Array.from({ length: 10 }, (_, tenth) => numbers.filter((n) => Math.floor(n * 10) === tenth).length)
  for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(200)
})
