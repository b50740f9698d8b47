import { expect, test } from 'vitest'
import { jobsComeAndGo } from './leftovers.js'

test('J8: 1,000 concurrent jobs, 100,000 in all, leave no state, no event, no timer, no memory', async () => {
  const grownBytes = await jobsComeAndGo(1_000, 100)
  console.log(`100,000 jobs came and went; the heap grew by ${grownBytes} bytes`)
  expect(grownBytes).toBeLessThan(2_000_000)
}, 900_000)
