import { expect } from 'vitest'
import { type runShutdown, bySecond } from './shutdown.js'

/** Asserts that everybody was told to come back at another time, all over the window. */
export function expectSpread({ plain }: Awaited<ReturnType<typeof runShutdown>>, returnWindowMs: number): number[] {
  for (const { name, byes } of plain) {
    expect(byes, name).toHaveLength(1)
    const [bye] = byes
    expect(bye, name).toMatchObject({ reason: 'shutdown', reconnect: true, retryMs: bye?.retryAfterMs })
    expect(bye?.retryAfterMs).toBeLessThanOrEqual(returnWindowMs)
  }
  const told = plain.map(({ byes }) => byes[0]?.retryAfterMs as number)
  const spread = bySecond(told)
  const mean = plain.length / (returnWindowMs / 1_000)
  expect(Math.max(...spread), `by second: ${spread.join(' ')}`).toBeLessThanOrEqual(3 * mean)
  expect(Math.max(...told)).toBeGreaterThan(returnWindowMs * 0.8)
  expect(Math.min(...told)).toBeLessThan(returnWindowMs * 0.2)
  return spread
}
