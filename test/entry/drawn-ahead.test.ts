import { expect, test } from 'vitest'
import { drawnAhead } from '#src/entry/drawn-ahead.js'
import { systemRandom } from '#src/random.js'

test('Bytes that were drawn ahead are handed out once', () => {
  const random = drawnAhead(systemRandom)
  const seen = new Set<string>()
  for (const length of [16, 22, 200, 256, 257, 1_000]) {
    for (let round = 0; round < 200; round++) {
      const bytes = random.bytes(length)
      expect(bytes).toHaveLength(length)
      seen.add(Buffer.from(bytes.subarray(0, 16)).toString('hex'))
      // Whoever changes what it got changes nobody else's.
      bytes.fill(7)
    }
  }
  expect(seen.size).toBe(1_200)
})
