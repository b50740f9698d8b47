import { describe, expect, test } from 'vitest'
import type { TidingsError } from '#src/errors.js'
import { checkCommand, checkNewJob, checkUpdate } from '#src/protocol/job-input.js'
import type { JobCommand } from '#src/protocol/job.js'

const refusal = (attempt: () => unknown): { code?: string; field?: string | undefined } => {
  try {
    attempt()
  } catch (error) {
    const { code, field } = error as TidingsError
    return { code, field }
  }
  return {}
}
const wellFormed = { owner: 'user:7', kind: 'crawl' }

describe('what jobs do not take is refused by name, before anything is stored', () => {
  test.each([
    ['owner', { ...wellFormed, owner: '7' }, 'job_invalid'],
    ['owner', { ...wellFormed, owner: 'user:' }, 'id_invalid'],
    ['owner', { ...wellFormed, owner: 'user:a b' }, 'id_invalid'],
    ['kind', { owner: 'user:7' }, 'job_invalid'],
    ['kind', { ...wellFormed, kind: '' }, 'job_invalid'],
    ['id', { ...wellFormed, id: 'a*' }, 'id_invalid'],
    ['total', { ...wellFormed, total: -1 }, 'job_invalid'],
    ['total', { ...wellFormed, total: 1.5 }, 'job_invalid'],
    ['total', { ...wellFormed, total: Number.NaN }, 'job_invalid'],
    ['counters.processed', { ...wellFormed, counters: { processed: -1 } }, 'job_invalid'],
    ['counters.__proto__', { ...wellFormed, counters: JSON.parse('{"__proto__": 1}') as object }, 'job_invalid'],
    ['counters', { ...wellFormed, counters: [1] }, 'job_invalid'],
    ['attempts', { ...wellFormed, attempts: 0 }, 'job_invalid'],
    ['attempts', { ...wellFormed, attempts: 101 }, 'job_invalid'],
    ['parent', { ...wellFormed, parent: 'a*' }, 'id_invalid'],
    ['eventsPerSecond', { ...wellFormed, eventsPerSecond: 0 }, 'job_invalid'],
    ['leaseMs', { ...wellFormed, leaseMs: 10 }, 'job_invalid'],
    ['ttlMs', { ...wellFormed, ttlMs: 0 }, 'job_invalid'],
    ['meta', { ...wellFormed, meta: 'x'.repeat(17_000) }, 'job_invalid'],
    ['colour', { ...wellFormed, colour: 'red' }, 'job_invalid'],
  ])('J1: a new job with a wrong %s', (field, input, code) => {
    expect(refusal(() => checkNewJob(input))).toEqual({ code, field })
  })

  const circular: { self?: unknown } = {}
  circular.self = circular
  test.each([
    ['increment.processed', { increment: { processed: 0.5 } }, 'job_invalid'],
    ['increment.processed', { increment: { processed: 2 ** 53 } }, 'job_invalid'],
    ['increment.processed', { increment: { processed: '1' } }, 'job_invalid'],
    ['increment._x', { increment: { _x: 1 } }, 'job_invalid'],
    ['set.current', { set: { current: 'x'.repeat(4_096) } }, 'job_invalid'],
    ['set.current', { set: { current: circular } }, 'job_invalid'],
    ['set.current', { set: { current: 1n } }, 'job_invalid'],
    ['set.stage', { set: { stage: 7 } }, 'job_invalid'],
    ['set.total', { set: { total: null } }, 'job_invalid'],
    [
      'log[1].level',
      {
        log: [
          { level: 'info', message: '' },
          { level: 'loud', message: '' },
        ],
      },
      'job_invalid',
    ],
    ['log', { log: Array.from({ length: 101 }, () => ({ level: 'info', message: '' })) }, 'job_invalid'],
    ['publish[0].type', { publish: [{ type: 'job.completed', data: {} }] }, 'type_reserved'],
    ['publish[0].data', { publish: [{ type: 'big', data: 'x'.repeat(64 * 1024) }] }, 'data_too_large'],
    ['status', { status: 'completed' }, 'job_invalid'],
  ])('J2: an update with a wrong %s', (field, input, code) => {
    expect(refusal(() => checkUpdate(input))).toEqual({ code, field })
  })

  test.each([
    ['id', { action: 'start' }, 'id_invalid'],
    ['action', { id: '1', action: 'explode' }, 'job_invalid'],
    ['attempt', { id: '1', action: 'start', attempt: -1 }, 'job_invalid'],
    ['error.code', { id: '1', action: 'fail', error: { message: 'x' } }, 'job_invalid'],
    ['error', { id: '1', action: 'fail' }, 'job_invalid'],
    ['result', { id: '1', action: 'complete', result: 'x'.repeat(33_000) }, 'job_invalid'],
  ])('a command with a wrong %s', (field, input, code) => {
    expect(refusal(() => checkCommand(input as unknown as JobCommand))).toEqual({ code, field })
  })
})

test('J2: `current` is any JSON of up to 4 KiB, and is a copy', () => {
  const current = { url: 'x'.repeat(4_000), nested: { deep: [1, null] } }
  const { set } = checkUpdate({ set: { current } })
  current.nested.deep = []
  expect(set?.current).toMatchObject({ nested: { deep: [1, null] } })
})

test('keys that mean something to JavaScript are data like any other and pollute nothing', () => {
  const input = JSON.parse(
    '{"owner":"user:7","kind":"k","meta":{"__proto__":{"admin":true},"constructor":1}}',
  ) as object
  const { job } = checkNewJob(input)
  expect(JSON.stringify(job.meta)).toBe('{"__proto__":{"admin":true},"constructor":1}')
  expect(({} as { admin?: boolean }).admin).toBeUndefined()
  expect(checkUpdate({ increment: { constructor: 2 } }).increment).toEqual({ constructor: 2 })
})
