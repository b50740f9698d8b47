import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatCursor, parseCursor } from '#src/protocol/cursor.js'
import { anyText } from './wire.js'

const epoch = fc.stringMatching(/^[A-Za-z0-9_~-]{1,40}$/)
const position = fc.record({ epoch, seq: fc.maxSafeNat() })

describe('cursors', () => {
  test('[P3.1] every position has a cursor that names it, fits a header and a query, and is at most 64 characters', () => {
    fc.assert(
      fc.property(position, (place) => {
        const cursor = formatCursor(place)
        expect(parseCursor(cursor)).toEqual(place)
        expect(cursor).toMatch(/^[A-Za-z0-9._~-]{1,64}$/)
        expect(encodeURIComponent(cursor)).toBe(cursor)
        expect(new Headers({ 'Last-Event-ID': cursor }).get('Last-Event-ID')).toBe(cursor)
      }),
      { numRuns: 500 },
    )
  })

  test('a position has one cursor: what can be read is written the same again', () => {
    const near = fc.stringMatching(/^[A-Za-z0-9._~-]{0,12}\.?[0-9]{0,18}$/)
    fc.assert(
      fc.property(fc.oneof(near, anyText), (text) => {
        const place = parseCursor(text)
        if (place) expect(formatCursor(place)).toBe(text)
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([
    '',
    '.',
    'e',
    '5',
    'e.',
    '.5',
    'e.-1',
    'e.+1',
    'e.01',
    'e.1.2',
    'e.1e3',
    'e.1 ',
    ' e.1',
    'e.NaN',
    'e.9007199254740992',
    'e.99999999999999999',
    'ü.1',
    'e.٣',
    'e.1\n',
    'e\0.1',
    `${'e'.repeat(41)}.1`,
    'e'.repeat(100_000),
  ])('%j is no cursor', (text) => expect(parseCursor(text)).toBeNull())

  test.each(['e.0', 'e.1', 'A-z_9~.9007199254740991', `${'e'.repeat(40)}.1`])('%j is one', (text) =>
    expect(parseCursor(text)).not.toBeNull(),
  )
})
