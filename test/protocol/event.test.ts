import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TidingsError } from '#src/errors.js'
import {
  checkEventId,
  checkPublishType,
  checkType,
  decodeEnvelope,
  encodeBody,
  encodeEnvelope,
  type Metadata,
  priorities,
} from '#src/protocol/event.js'
import { encodeSse } from '#src/protocol/sse-encode.js'
import { anyText, awkward, bytes, cutAt, cuts, decode } from './wire.js'

/** Any JSON value, also with keys that JavaScript's objects take for something else. */
const key = fc.oneof(anyText, fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', ''))
const anyJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(
      anyText,
      fc.boolean(),
      fc.constant(null),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map(objectOf),
  ),
})).value

/** As `JSON.parse` does it: `__proto__` is a key like any other. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const made = {}
  for (const [name, value] of entries) {
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true })
  }
  return made
}

const content = fc.record({
  id: anyText.filter((id) => id !== ''),
  type: anyText.filter((type) => type !== ''),
  priority: fc.constantFrom(...priorities),
  source: anyText,
  data: anyJson,
  metadata: fc.option(
    fc.array(fc.tuple(key, anyJson), { maxLength: 4 }).map((entries) => objectOf(entries) as Metadata),
    { nil: undefined },
  ),
  volatile: fc.boolean(),
  seq: fc.option(fc.integer({ min: 1 }), { nil: undefined }),
  timestamp: fc.nat(),
  topics: fc.array(anyText, { minLength: 1, maxLength: 4 }),
})

const encode = (event: typeof content extends fc.Arbitrary<infer Shape> ? Shape : never): string => {
  const { source, data, metadata, volatile, topics, ...rest } = event
  const body = encodeBody({ source, data, ...(metadata && { metadata }), ...(volatile && { volatile }) })
  return encodeEnvelope({ ...rest, body }, topics)
}

describe('the envelope', () => {
  test('[P2.1, P2.2] any JSON comes back as it went in, over a stream cut anywhere', () => {
    fc.assert(
      fc.property(content, cuts, (event, places) => {
        const wire = bytes(encodeSse({ id: 'e.1', event: 'e', data: encode(event) }))
        const { messages } = decode(cutAt(wire, places))
        expect(messages).toHaveLength(1)
        const got = decodeEnvelope(messages[0]?.data ?? '')
        const { topics, volatile, metadata, seq, ...rest } = event
        expect(got).toEqual({
          ...rest,
          // JSON has one zero.
          data: JSON.parse(JSON.stringify(event.data)),
          version: 1,
          topic: topics[0],
          ...(topics.length > 1 && { topics }),
          ...(seq !== undefined && { seq }),
          ...(metadata && { metadata: JSON.parse(JSON.stringify(metadata)) }),
          ...(volatile && { volatile: true }),
        })
        expect(JSON.stringify(got.data)).toBe(JSON.stringify(event.data))
      }),
      { numRuns: 1_000 },
    )
  })

  test('[P5.5] it is one line, whatever it holds', () => {
    fc.assert(
      fc.property(content, (event) => {
        expect(encode(event)).not.toMatch(/[\r\n\0]/)
      }),
      { numRuns: 500 },
    )
  })

  test('[P2.2] __proto__ is data: it arrives as a key and changes no object', () => {
    const data = JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":1}}')
    const text = encodeEnvelope(
      { id: '1', type: 't', priority: 'normal', timestamp: 1, body: encodeBody({ data, metadata: data }) },
      ['a'],
    )
    const got = decodeEnvelope(text)
    expect(Object.keys(got.data as object)).toEqual(['__proto__', 'constructor'])
    expect(Object.keys(got.metadata as object)).toEqual(['__proto__', 'constructor'])
    expect((got.data as { admin?: boolean }).admin).toBeUndefined()
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  test('[P2.1] data and metadata whose toJSON gives nothing are none: what is stored can be read', () => {
    const nothing = { toJSON: () => undefined }
    const body = encodeBody({ data: nothing, metadata: nothing })
    expect(JSON.parse(`{${body}}`)).toEqual({ source: 'tidings', version: 1, data: null })
  })

  test('[P2.1] members that were not given get their defaults', () => {
    const body = encodeBody({ data: undefined })
    const got = decodeEnvelope(
      encodeEnvelope({ id: '1', type: 't', priority: 'normal', timestamp: 5, seq: 2, body }, ['a']),
    )
    expect(got).toEqual({
      id: '1',
      type: 't',
      topic: 'a',
      seq: 2,
      timestamp: 5,
      priority: 'normal',
      source: 'tidings',
      version: 1,
      data: null,
    })
  })

  test('[P2.3] one topic is `topic`; of several, `topics` lists all in their order', () => {
    const made = {
      id: '1',
      type: 't',
      priority: 'normal',
      timestamp: 5,
      seq: 2,
      body: encodeBody({ data: 1 }),
    } as const
    expect(decodeEnvelope(encodeEnvelope(made, ['b', 'a']))).toMatchObject({ topic: 'b', topics: ['b', 'a'] })
    expect(decodeEnvelope(encodeEnvelope(made, ['b']))).not.toHaveProperty('topics')
  })

  test('[P2.6] members that nobody knows are kept and harm nothing', () => {
    const text =
      '{"id":"1","type":"t","topic":"a","timestamp":5,"priority":"normal","source":"s","version":9,"data":1,"colour":"red"}'
    expect(decodeEnvelope(text)).toMatchObject({ id: '1', version: 9, colour: 'red' })
  })

  test('what is no envelope is refused', () => {
    for (const text of [
      '',
      '{',
      'null',
      '1',
      '[]',
      '{}',
      '{"id":1,"type":"t","topic":"a","timestamp":1}',
      '{"id":"1","type":"t","topic":"a"}',
    ]) {
      expect(() => decodeEnvelope(text), text).toThrow(TidingsError)
    }
    expect(() => decodeEnvelope('{')).toThrow(expect.objectContaining({ code: 'event_invalid' }))
  })
})

describe('[P1.5, P1.6, P1.8] types and ids of events', () => {
  const refused = (run: () => unknown): unknown => {
    try {
      run()
    } catch (error) {
      return error
    }
    return undefined
  }

  test.each(['report.updated', 'a', 'ä €😀', 'job', 'jobs.x', 'Hello', 'x'.repeat(128), 'with space', '__proto__'])(
    '%j is a type and an id',
    (word) => {
      expect(checkType(word)).toBe(word)
      expect(checkPublishType(word)).toBe(word)
      expect(checkEventId(word)).toBe(word)
    },
  )

  test.each([
    '',
    'x'.repeat(129),
    'a\nb',
    'a\rb',
    'a\0b',
    'a\u0085b',
    'a\tb',
    '\ud800',
    'a\udc00',
    7,
    null,
    undefined,
    {},
    ['a'],
  ])('%j is neither, and the message names the field', (word) => {
    const type = refused(() => checkType(word, '[3].type'))
    expect(type).toMatchObject({
      code: 'type_invalid',
      status: 400,
      field: '[3].type',
      message: expect.stringContaining('"[3].type"'),
    })
    const id = refused(() => checkEventId(word, '[3].id'))
    expect(id).toMatchObject({
      code: 'id_invalid',
      status: 400,
      field: '[3].id',
      message: expect.stringContaining('"[3].id"'),
    })
  })

  test.each([
    'hello',
    'ping',
    'bye',
    'gap',
    'snapshot',
    'open',
    'error',
    'message',
    'job.',
    'job.progress',
    'job.mine',
  ])('%j is for the hub alone', (type) => {
    expect(checkType(type)).toBe(type)
    expect(refused(() => checkPublishType(type))).toMatchObject({
      code: 'type_reserved',
      field: 'type',
      message: expect.stringContaining(type),
    })
  })

  test('whatever is taken fits into `event:` and `id:`', () => {
    fc.assert(
      fc.property(fc.oneof(anyText, fc.constantFrom(...awkward)), (word) => {
        if (refused(() => checkType(word))) return
        expect(decode([bytes(encodeSse({ event: word, id: word, data: '' }))]).messages).toEqual([
          { event: word, id: undefined, data: '', lastEventId: word },
        ])
      }),
      { numRuns: 1_000 },
    )
  })
})
