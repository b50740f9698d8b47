import { expect, test } from 'vitest'
import { faultOf, fuzz } from './fuzz.js'

test('§4, I17: thousands of random requests and bytes: every answer is a problem or a right one, nobody else notices, the heap stays flat', async () => {
  const seed = Number(process.env.TIDINGS_SEED ?? Date.now() % 1_000_000)
  const result = await fuzz(2_500, seed)
  console.log(`seed ${seed}: ${JSON.stringify(result)}`)
  expect({ seed, wrong: result.wrong }).toEqual({ seed, wrong: [] })
  expect(result.heapGrewBytes).toBeLessThan(15_000_000)
  // It reaches what is behind the gate as well.
  for (const status of [200, 201, 400, 401, 403, 404, 405, 406, 413, 415])
    expect(result.statuses).toHaveProperty(String(status))
})

test('the check of answers can fail', () => {
  const problem = { type: 'about:blank', title: 'x', status: 400, code: 'query_invalid', detail: 'd' }
  const type = 'application/problem+json'
  expect(faultOf(400, type, JSON.stringify(problem), 'GET')).toBe(null)
  expect(faultOf(401, type, JSON.stringify(problem), 'GET')).not.toBe(null)
  expect(faultOf(400, 'application/json', JSON.stringify(problem), 'GET')).not.toBe(null)
  expect(faultOf(400, type, JSON.stringify({ ...problem, code: 'oops' }), 'GET')).not.toBe(null)
  expect(faultOf(500, type, JSON.stringify({ ...problem, status: 500, code: 'internal' }), 'GET')).not.toBe(null)
  expect(faultOf(200, 'text/html', '<p>', 'GET')).not.toBe(null)
})
