import { expect, test } from 'vitest'
import { slowReaders } from './slow-readers.js'

// Times are about a twelfth of the product's; slow-readers.full.test.ts runs them whole.
test('D4, D6: readers that stop cost bounded memory, get what retention still has, and hear of the rest', async () => {
  const figures = await slowReaders({
    count: 100_000,
    shortMs: 2_000,
    longMs: 6_000,
    slowConsumerMs: 3_000,
    sqlite: false,
  })
  console.log('slow readers, memory store:', figures)
  expect(figures.publishedPerSecond).toBeGreaterThan(0)
})
