import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSseDecoder } from '#src/protocol/sse-decode.js'
import { type Frame, FrameReader } from '../../src/dashboard/page/hub/frames.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function framesOf(...pieces: readonly Uint8Array[]): Frame[] {
  const frames: Frame[] = []
  const reader = new FrameReader((frame) => frames.push(frame))
  for (const piece of pieces) reader.push(piece)
  return frames
}

test('O1: raw frames are what was sent, line by line, with their fields read', () => {
  const frames = framesOf(bytes('retry: 40\n\nid: a.1\nevent: hello\ndata: {"a":1}\n\n:\n\ndata: x\ndata:y\n\n'))
  expect(frames.map(({ raw }) => raw)).toEqual([
    'retry: 40',
    'id: a.1\nevent: hello\ndata: {"a":1}',
    ':',
    'data: x\ndata:y',
  ])
  expect(frames[0]?.retryMs).toBe(40)
  expect(frames[1]).toMatchObject({ id: 'a.1', event: 'hello', data: '{"a":1}', isComment: false })
  expect([frames[2]?.isComment, frames[2]?.data]).toEqual([true, null])
  expect(frames[3]?.data).toBe('x\ny')
})

test('O1: what the stream did not close is no frame yet', () => {
  expect(framesOf(bytes('data: a\n\ndata: b\n')).length).toBe(1)
})

test('P13.2: pieces may end anywhere, lines at CRLF, LF or CR; the frames are those that the decoder of the client reads', () => {
  const line = fc.constantFrom('id: a.7', 'event: ä', 'data: {"é":"😀"}', 'data', 'data:  two', ': comment', 'retry: 5')
  const end = fc.constantFrom('\n', '\r\n', '\r')
  const text = fc
    .array(fc.tuple(fc.array(line, { minLength: 1, maxLength: 4 }), end), { maxLength: 6 })
    .map((blocks) => blocks.map(([lines, stop]) => lines.map((each) => each + stop).join('') + stop).join(''))
  fc.assert(
    fc.property(text, fc.array(fc.nat(40), { maxLength: 12 }), (stream, cuts) => {
      const whole = bytes(stream)
      const pieces: Uint8Array[] = []
      let from = 0
      for (const cut of cuts) {
        pieces.push(whole.subarray(from, from + cut))
        from += cut
      }
      pieces.push(whole.subarray(from))
      const read = framesOf(...pieces).filter(({ data }) => data !== null)
      const decoded: (readonly [string, string])[] = []
      const decoder = createSseDecoder({ onMessage: ({ event, data }) => decoded.push([event, data]) })
      decoder.push(whole)
      expect(read.map(({ event, data }) => [event ?? 'message', data])).toEqual(decoded)
    }),
  )
})

test('T20: a block without an end is refused, and takes no more room than a bound', () => {
  const reader = new FrameReader(() => {})
  const piece = bytes(`data: ${'x'.repeat(1_000_000)}\n`)
  expect(() => {
    for (let n = 0; n < 10; n++) reader.push(piece)
  }).toThrow(RangeError)
})
