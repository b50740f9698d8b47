import { expect, test } from 'vitest'
import { resolveSettings } from '#src/hub/settings.js'

test('§12: every default is an option, and a wrong or unknown one is refused by its name', () => {
  expect(resolveSettings({})).toMatchObject({ heartbeatMs: 25_000, unsentBytes: 65_536, topicsPerStream: 100 })
  expect(resolveSettings({ heartbeatMs: 10 }).heartbeatMs).toBe(10)
  const refusal = (given: object): string => {
    try {
      resolveSettings(given)
      return 'taken'
    } catch (error) {
      const { code, field } = error as { code: string; field: string }
      return `${code} ${field}`
    }
  }
  for (const value of [0, -1, 1.5, Number.NaN, '10', null])
    expect(refusal({ heartbeatMs: value })).toBe('option_invalid heartbeatMs')
  expect(refusal({ retryMs: { from: 5, to: 1 } })).toBe('option_invalid retryMs.to')
  expect(refusal({ hartbeatMs: 10 })).toBe('option_invalid hartbeatMs')
  expect(resolveSettings({ publishQueue: { events: 5 } }).publishQueue).toEqual({
    events: 5,
    bytes: 16 * 1024 * 1024,
    answerMs: 2_000,
  })
  expect(refusal({ publishQueue: { events: 0 } })).toBe('option_invalid publishQueue.events')
  expect(refusal({ publishQueue: { evnts: 1 } })).toBe('option_invalid publishQueue.evnts')
  expect(refusal({ notReadyAfterMs: -1 })).toBe('option_invalid notReadyAfterMs')
})
