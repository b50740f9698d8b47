import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { planEvents } from '#src/cli/events-file.js'
import { serve } from './program.js'

const folder = mkdtempSync(join(tmpdir(), 'tidings-events-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function fileOf(content: unknown): string {
  const file = join(mkdtempSync(join(folder, 'in-')), 'events.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

const declared = {
  'report.updated': {
    type: 'object',
    properties: { rows: { type: 'integer' }, 'a/b': { type: 'array', items: { $ref: '#/$defs/page' } } },
    required: ['rows'],
    additionalProperties: false,
    $defs: { page: { type: 'object', properties: { url: { type: 'string' } } } },
  },
}

async function start(...args: string[]) {
  const { program, url } = await serve(['--dev', '--port', '0', '--store', 'memory', ...args])
  onTestFinished(() => void program.kill())
  return async (body: object) => {
    const response = await fetch(`${url}/events?userId=7`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ topic: 'report:9', ...body }),
    })
    const answer = (await response.json()) as { code?: string; field?: string }
    return [response.status, answer.code, answer.field]
  }
}

describe('E2: serve --events', () => {
  test('E2: a schema that answers later is refused at start: it would let everything in', () => {
    const events = fileOf({ late: { $async: true, type: 'object' } })
    expect(() => planEvents({ events })).toThrow(/the schema of "late" is none: "\$async"/)
  })

  test('E2: the hub takes the declared events, and names what is wrong in others', async () => {
    const publish = await start('--events', fileOf(declared))
    expect(await publish({ type: 'report.updated', data: { rows: 1 } })).toEqual([201, undefined, undefined])
    const wrong = [
      [{ rows: 'one' }, 'data.rows'],
      [{}, 'data'],
      [{ rows: 1, row: 2 }, 'data.row'],
      [{ rows: 1, 'a/b': [{}, { url: 7 }] }, 'data.a/b[1].url'],
    ] as const
    for (const [data, field] of wrong)
      expect(await publish({ type: 'report.updated', data })).toEqual([400, 'event_invalid', field])
    expect(await publish({ type: 'report.update', data: { rows: 1 } })).toEqual([400, 'type_invalid', 'type'])
  })

  test('E2: --events-open takes other types too, and still checks the declared ones', async () => {
    const publish = await start('--events', fileOf(declared), '--events-open')
    expect(await publish({ type: 'page.crawled', data: 7 })).toEqual([201, undefined, undefined])
    expect(await publish({ type: 'report.updated', data: 7 })).toEqual([400, 'event_invalid', 'data'])
  })

  test.each([
    ['no JSON', '{', 'cannot be read as JSON'],
    ['no object', [], 'must be an object'],
    [
      'a misspelt keyword',
      { a: { tipe: 'object' } },
      'the schema of "a" is none: strict mode: unknown keyword: "tipe"',
    ],
    ['no schema', { a: 7 }, 'the schema of "a" is none'],
    ['a reference to elsewhere', { a: { $ref: 'https://example.com/schema.json' } }, 'the schema of "a" is none'],
    ['a reserved type', { ping: {} }, 'ping'],
  ])('E2: a file with %s stops the start, and says why', (_, content, why) => {
    expect(() => planEvents({ events: fileOf(content) })).toThrow(why)
  })

  test('E2: a file that is not there, and openness without a file, stop the start', () => {
    expect(() => planEvents({ events: join(folder, 'none.json') })).toThrow('none.json')
    expect(() => planEvents({ eventsOpen: true })).toThrow('--events-open')
    expect(planEvents({})).toBeUndefined()
  })
})
