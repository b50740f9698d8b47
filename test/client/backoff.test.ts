import { expect, test } from 'vitest'
import { clampRetryAfterMs } from '#src/client/backoff.js'
import { parseRetryAfter } from '#src/client/refusal.js'

const nowMs = Date.UTC(2026, 0, 1)

test('C2: Retry-After is read as seconds and as an HTTP date', () => {
  expect(parseRetryAfter('120', nowMs)).toBe(120_000)
  expect(parseRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', nowMs)).toBe(30_000)
})

test('C2: an absent, past or senseless Retry-After is none, and none is longer than an hour', () => {
  for (const header of [null, '', '0', '-5', 'soon', 'Wed, 31 Dec 2025 23:59:30 GMT']) {
    expect(parseRetryAfter(header, nowMs)).toBe(0)
  }
  expect(parseRetryAfter('99999999', nowMs)).toBe(3_600_000)
  for (const ms of [undefined, null, Number.NaN, -1, 'x', {}]) expect(clampRetryAfterMs(ms)).toBe(0)
})
