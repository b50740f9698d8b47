import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyText, byteByByte, bytes, cutAt, cuts, decode, type Heard } from './wire.js'

/** One rule: what goes over the wire, and what a reader hears. Each is read whole, byte by byte and in two at every place. */
interface Rule {
  readonly name: string
  readonly wire: string | Uint8Array
  readonly heard: Partial<Heard>
  readonly lastEventId?: string
}

const message = (data: string, lastEventId = '', event = 'message') => ({ event, data, lastEventId })
const hears = (...messages: ReturnType<typeof message>[]): Partial<Heard> => ({ messages })
const joined = (...parts: (string | number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...bytes(part)] : part)))
const bom = [0xef, 0xbb, 0xbf]

function keeps(rules: readonly Rule[]): void {
  for (const { name, wire, heard, lastEventId } of rules) {
    test(name, () => {
      const whole = typeof wire === 'string' ? bytes(wire) : wire
      expect(decode([whole], lastEventId)).toMatchObject(heard)
      expect(decode(byteByByte(whole), lastEventId), 'byte by byte').toMatchObject(heard)
      for (let at = 0; at <= whole.length; at++) {
        expect(decode([whole.slice(0, at), whole.slice(at)], lastEventId), `cut at ${at}`).toMatchObject(heard)
      }
    })
  }
}

describe('[P13.1] bytes are UTF-8, and one leading byte order mark is dropped', () => {
  keeps([
    { name: 'a leading byte order mark', wire: joined(bom, 'data: a\n\n'), heard: hears(message('a')) },
    {
      name: 'a second one belongs to the field name, so the field is unknown',
      wire: joined(bom, bom, 'data: a\n\ndata: b\n\n'),
      heard: hears(message('b')),
    },
    { name: 'a later one is data', wire: joined('data: a', bom, '\n\n'), heard: hears(message('a\ufeff')) },
    {
      name: 'one at the start of a later line is part of its name',
      wire: joined('data: a\n', bom, 'data: b\n\n'),
      heard: hears(message('a')),
    },
    { name: 'characters of two, three and four bytes', wire: 'data: é€😀\n\n', heard: hears(message('é€😀')) },
    {
      name: 'bytes that are not UTF-8 become U+FFFD and harm nothing else',
      wire: joined('data: a', [0xff, 0xc0], 'b\n\ndata: c\n\n'),
      heard: hears(message('a\ufffd\ufffdb'), message('c')),
    },
    {
      name: 'a half character at the end of a line',
      wire: joined('data: a', [0xe2, 0x82], '\n\n'),
      heard: hears(message('a\ufffd')),
    },
  ])
})

describe('[P13.2] lines end at CRLF, LF or CR', () => {
  keeps([
    { name: 'LF', wire: 'data: a\ndata: b\n\n', heard: hears(message('a\nb')) },
    { name: 'CR', wire: 'data: a\rdata: b\r\r', heard: hears(message('a\nb')) },
    { name: 'CRLF', wire: 'data: a\r\ndata: b\r\n\r\n', heard: hears(message('a\nb')) },
    {
      name: 'mixed',
      wire: 'data: a\rdata: b\ndata: c\r\n\rdata: d\n\r\n',
      heard: hears(message('a\nb\nc'), message('d')),
    },
    {
      name: 'CR LF LF is one line end and an empty line',
      wire: 'data: a\r\n\ndata: b\n\n',
      heard: hears(message('a'), message('b')),
    },
    {
      name: 'no other character ends a line',
      wire: 'data: a\u2028b\u2029c\u0085d\u000be\u000cf\0g\n\n',
      heard: hears(message('a\u2028b\u2029c\u0085d\u000be\u000cf\0g')),
    },
  ])

  test('a lone CR ends its line at once: no byte is waited for', () => {
    expect(decode([bytes('data: a\r\r')]).messages).toEqual([message('a')])
    expect(decode([bytes('data: a\r\n\r')]).messages).toEqual([message('a')])
  })

  test('an LF that comes in the next part, after an empty part too, belongs to the CR before it', () => {
    const parts = ['data: a\r', '', '\ndata: b\r', '\n', '\r', '', '\n'].map(bytes)
    expect(decode(parts).messages).toEqual([message('a\nb')])
  })
})

describe('[P13.3] a field is a name, a colon, and a value without its first space', () => {
  keeps([
    { name: 'only one space is dropped', wire: 'data:  a \n\n', heard: hears(message(' a ')) },
    { name: 'no space is needed', wire: 'data:a\n\n', heard: hears(message('a')) },
    { name: 'a tab is no space', wire: 'data:\ta\n\n', heard: hears(message('\ta')) },
    { name: 'the first colon parts', wire: 'data: a: b:c\n\n', heard: hears(message('a: b:c')) },
    {
      name: 'a line without a colon is a field with an empty value',
      wire: 'data\ndata: a\ndata\n\n',
      heard: hears(message('\na\n')),
    },
    { name: 'names are case-sensitive', wire: 'Data: a\nDATA: b\ndata: c\n\n', heard: hears(message('c')) },
    {
      name: 'unknown names are ignored',
      wire: 'datum: a\n data: b\ndata : c\ndata: d\n\n',
      heard: hears(message('d')),
    },
    { name: 'a name with a NUL is another name', wire: 'data\0: a\ndata: b\n\n', heard: hears(message('b')) },
  ])
})

describe('[P13.4] comments are ignored', () => {
  keeps([
    { name: 'alone they dispatch nothing', wire: ':\n\n: hello\n\n::\n\n', heard: { messages: [], ids: [] } },
    {
      name: 'within an event they change nothing',
      wire: 'event: e\n: note\ndata: a\n:data: b\nid: 1\n\n',
      heard: hears(message('a', '1', 'e')),
    },
  ])
})

describe('[P13.5] an empty line dispatches what has data', () => {
  keeps([
    {
      name: 'an empty data field is data',
      wire: 'data:\n\ndata\n\ndata: \n\n',
      heard: hears(message(''), message(''), message('')),
    },
    { name: 'two empty ones are one LF', wire: 'data\ndata\n\n', heard: hears(message('\n')) },
    {
      name: 'a type alone dispatches nothing, and is forgotten',
      wire: 'event: e\n\ndata: a\n\n',
      heard: hears(message('a')),
    },
    {
      name: 'an id alone dispatches nothing, but counts from that line on',
      wire: 'id: 7\n\ndata: a\n\n',
      heard: { messages: [message('a', '7')], ids: ['7'] },
    },
    { name: 'empty lines alone dispatch nothing', wire: '\n\n\r\r\r\n\r\n', heard: { messages: [], ids: [] } },
    {
      name: 'the type is forgotten after each event',
      wire: 'event: e\ndata: a\n\ndata: b\n\n',
      heard: hears(message('a', '', 'e'), message('b')),
    },
    {
      name: 'the last type, id and an empty type',
      wire: 'event: x\nevent: y\nid: 1\nid: 2\ndata: a\n\nevent: z\nevent\ndata: b\n\n',
      heard: hears(message('a', '2', 'y'), message('b', '2')),
    },
  ])
})

describe('[P13.6] data lines are joined by LF', () => {
  keeps([
    {
      name: 'in order, whatever stands between them',
      wire: 'data: a\nid: 1\ndata\ndata: c\n\n',
      heard: hears(message('a\n\nc', '1')),
    },
    { name: 'only the last line end is removed', wire: 'data: a\ndata:\ndata:\n\n', heard: hears(message('a\n\n')) },
  ])
})

describe('[P13.7] what no empty line has closed is discarded', () => {
  keeps([
    {
      name: 'an event without its empty line',
      wire: 'data: a\n\nid: 9\ndata: b\n',
      heard: { messages: [message('a')], ids: [] },
    },
    {
      name: 'an event without its line end',
      wire: 'id: 1\ndata: a\n\nid: 2\ndata: b',
      heard: { messages: [message('a', '1')], ids: ['1'] },
    },
  ])
})

describe('[P13.8] the last id stays until another takes its place', () => {
  keeps([
    {
      name: 'over events without one',
      wire: 'id: 1\ndata: a\n\ndata: b\n\n',
      heard: hears(message('a', '1'), message('b', '1')),
    },
    {
      name: 'over connections',
      wire: 'data: a\n\n',
      lastEventId: 'before',
      heard: { messages: [message('a', 'before')], ids: [] },
    },
    {
      name: 'an id with a NUL is ignored',
      wire: 'id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n',
      heard: { messages: [message('a', '1'), message('b', '1')], ids: ['1'] },
    },
    {
      name: 'an empty id clears it',
      wire: 'id: 1\ndata: a\n\nid:\ndata: b\n\n',
      heard: { messages: [message('a', '1'), message('b')], ids: ['1', ''] },
    },
    {
      name: 'a field without a colon clears it too',
      wire: 'id\ndata: a\n\n',
      lastEventId: 'before',
      heard: { messages: [message('a')], ids: [''] },
    },
  ])
})

describe('[P13.9] retry is digits or nothing', () => {
  keeps([
    { name: 'digits, also without an empty line', wire: 'retry: 250\n', heard: { retries: [250], messages: [] } },
    { name: 'leading zeros are decimal', wire: 'retry: 0010\n\n', heard: { retries: [10] } },
    {
      name: 'nothing else',
      wire: 'retry: 1000x\nretry:\nretry\nretry: -1\nretry: 1e3\nretry: 1.5\nretry:  5\nretry: ٣\nretry: 7 \n\n',
      heard: { retries: [] },
    },
  ])
})

describe('createSseDecoder', () => {
  test('[P13.1, P13.2] it hears the same however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 8 }), cuts, (texts, places) => {
        const whole = bytes(texts.map((text) => `id: ${text.length}\ndata: ${text}\n\n`).join(''))
        const heard = decode([whole])
        expect(decode(cutAt(whole, places))).toEqual(heard)
        expect(decode(byteByByte(whole))).toEqual(heard)
      }),
      { numRuns: 300 },
    )
  })

  test('it takes any bytes at all without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (junk) => void decode([junk])),
      { numRuns: 500 },
    )
  })

  test('an event without an end is refused instead of filling the memory', () => {
    const part = bytes('x'.repeat(1024 * 1024))
    const endless = (start: string, line: string) => () =>
      decode([bytes(start), ...Array.from({ length: 5 }, () => [part, bytes(line)]).flat()])
    expect(endless('data: ', '')).toThrow(RangeError)
    expect(endless('data: ', '\ndata: ')).toThrow(RangeError)
    expect(endless(': ', '')).toThrow(RangeError)
    expect(endless('data: ', '\n\ndata: ')).not.toThrow()
  })
})
