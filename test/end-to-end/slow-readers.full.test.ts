import { expect, test } from 'vitest'
import { slowReaders } from './slow-readers.js'

test('D4, D6: the same at full length on SQLite: 20 s and a minute, closed after 30 s', {
  timeout: 240_000,
}, async () => {
  const figures = await slowReaders({
    count: 100_000,
    shortMs: 20_000,
    longMs: 60_000,
    slowConsumerMs: 30_000,
    sqlite: true,
  })
  console.log('slow readers, SQLite, full length:', figures)
  expect(figures.publishedPerSecond).toBeGreaterThan(0)
})
