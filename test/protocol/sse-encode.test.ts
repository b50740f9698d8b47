import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeSse, type SseBlock } from '#src/protocol/sse-encode.js'
import { anyText, asLines, asUtf8, awkward, bytes, cutAt, cuts, decode, oneLine } from './wire.js'

const block = fc.record(
  { event: oneLine, id: oneLine, retryMs: fc.nat(), data: anyText, comment: anyText },
  { requiredKeys: [] },
) as fc.Arbitrary<SseBlock>

/** What a reader must make of these blocks, by the words of the standard. */
function expected(blocks: readonly SseBlock[]) {
  let lastEventId = ''
  const messages: { event: string; data: string; lastEventId: string }[] = []
  for (const { id, event, data } of blocks) {
    if (id !== undefined) lastEventId = asUtf8(id)
    if (data !== undefined) messages.push({ event: asUtf8(event ?? '') || 'message', data: asLines(data), lastEventId })
  }
  return { messages, retries: blocks.flatMap(({ retryMs }) => (retryMs === undefined ? [] : [retryMs])) }
}

/** The same from `eventsource-parser`, which others wrote. It leaves the keeping of ids to its caller. */
function parseElsewhere(text: string) {
  let lastEventId = ''
  const messages: { event: string; data: string; lastEventId: string }[] = []
  const retries: number[] = []
  const parser = createParser({
    onEvent: ({ event, id, data }) =>
      messages.push({ event: event || 'message', data, lastEventId: id ?? lastEventId }),
    onRetry: (retry) => retries.push(retry),
  })
  parser.feed(text)
  return { messages, retries }
}

describe('encodeSse', () => {
  test('[P5.7] whatever the strings hold, our decoder gives back what went in, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 5 }), cuts, (blocks, places) => {
        const { messages, retries } = decode(cutAt(bytes(blocks.map(encodeSse).join('')), places))
        expect({ messages, retries }).toEqual(expected(blocks))
      }),
      { numRuns: 1_000 },
    )
  })

  test('[P5.7] so does a parser that others wrote', () => {
    // Every block carries an id, because that parser does not keep the last one.
    const withId = fc.tuple(block, oneLine).map(([rest, id]) => ({ ...rest, id }))
    fc.assert(
      fc.property(fc.array(withId, { maxLength: 5 }), (blocks) => {
        const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes(blocks.map(encodeSse).join('')))
        expect(parseElsewhere(text)).toEqual(expected(blocks))
      }),
      { numRuns: 1_000 },
    )
  })

  test('64 KiB of awkward data in one event', () => {
    const data = awkward
      .join('')
      .repeat(400)
      .slice(0, 64 * 1024)
    expect(decode([bytes(encodeSse({ id: '1', data }))]).messages).toEqual([
      { event: 'message', data: asLines(data), lastEventId: '1' },
    ])
  })

  test('[P5.7] one call is one block: it has one empty line, at its end', () => {
    fc.assert(
      fc.property(block, (one) => {
        const text = encodeSse(one)
        expect(text.endsWith('\n\n') || text === '\n').toBe(true)
        expect(text.slice(0, -1)).not.toMatch(/\n\n|^\n|\r/)
        for (const line of text.slice(0, -1).split('\n').slice(0, -1))
          expect(line).toMatch(/^(: |retry: \d+$|id: |event: |data: )/)
      }),
      { numRuns: 1_000 },
    )
  })

  test('[P5.7] an id or a type that would break its line is refused by name', () => {
    for (const bad of ['a\nb', 'a\rb', 'a\0b', '\n', '\r\ndata: x']) {
      expect(() => encodeSse({ id: bad })).toThrow(/SSE id /)
      expect(() => encodeSse({ event: bad })).toThrow(/SSE event /)
    }
    expect(encodeSse({ id: 'a\u2028b\u0085', event: 'é' })).toBe('id: a\u2028b\u0085\nevent: é\n\n')
  })

  test('a retry that is no whole number of ms is refused', () => {
    for (const retryMs of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(() => encodeSse({ retryMs })).toThrow(/retryMs/)
    expect(encodeSse({ retryMs: 0 })).toBe('retry: 0\n\n')
  })

  test('fields come as comment, retry, id, event, data', () => {
    expect(encodeSse({ comment: 'c\nd', retryMs: 5, id: '1', event: 'e', data: 'x\r\ny' })).toBe(
      ': c\n: d\nretry: 5\nid: 1\nevent: e\ndata: x\ndata: y\n\n',
    )
  })
})
