import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkId,
  checkPattern,
  checkTopic,
  isJobTopic,
  jobIdOf,
  jobsTopic,
  jobTopic,
  matchesPattern,
  roleTopic,
  sessionTopic,
  userTopic,
} from '#src/protocol/topic.js'
import { anyText } from './wire.js'

function refusal(run: () => unknown): { code: string; message: string; field: string } | null {
  try {
    run()
    return null
  } catch (error) {
    return error as { code: string; message: string; field: string }
  }
}

describe('[P1.1, P1.2] topics', () => {
  test.each([
    'all',
    'a',
    'allotment',
    'report:9',
    'a:b:c',
    ':',
    'a:',
    'user:7',
    'user:a:b',
    'user:ä€😀',
    'session:x',
    'role:ADMIN',
    'role:{x}',
    'job:42',
    'jobs:7',
    'users',
    'jobless',
    'constructor',
    '__proto__',
    'toString:1',
    'é'.repeat(128),
    'x'.repeat(256),
    'curly{braces}',
    'a+b/c?d=e&f#g%20',
  ])('%j is a topic', (topic) => expect(checkTopic(topic)).toBe(topic))

  test.each([
    ['', 'is empty'],
    ['a b', 'contains white space at position 1'],
    ['user: 7', 'contains white space at position 5'],
    ['a\n', 'contains white space'],
    ['a\u2028b', 'contains white space'],
    ['a\u00a0b', 'contains white space'],
    ['a\ufeffb', 'contains white space'],
    ['a\0b', 'contains a control or format character at position 1'],
    ['a\u0085b', 'contains a control or format character'],
    ['a\u200bb', 'contains a control or format character'],
    ['a\u202eb', 'contains a control or format character'],
    ['a\u00adb', 'contains a control or format character'],
    ['a\ud800b', 'half of a surrogate pair'],
    ['job:*', 'contains "*" at position 4'],
    ['*', 'contains "*"'],
    ['x'.repeat(257), 'is over 256 bytes'],
    ['é'.repeat(129), 'is over 256 bytes'],
    ['user', 'lacks the user id'],
    ['user:', 'user id that is empty'],
    ['session:', 'session id that is empty'],
    ['job:', 'job id that is empty'],
    ['jobs', 'lacks the user id'],
    ['jobs:', 'user id that is empty'],
    ['role', 'lacks the role'],
    ['role:', 'lacks the role'],
    ['user:a{b', 'user id that contains "{"'],
    ['job:a}b', 'job id that contains "}"'],
    [`user:${'x'.repeat(129)}`, 'over 128 characters'],
    ['all:x', 'begins with "all"'],
    [7, 'is not a string'],
    [null, 'is not a string'],
    [undefined, 'is not a string'],
    [['a'], 'is not a string'],
  ])('%j is none: it %s', (topic, why) => {
    const refused = refusal(() => checkTopic(topic, 'topics[3]'))
    expect(refused).toMatchObject({ code: 'topic_invalid', field: 'topics[3]' })
    expect(refused?.message).toContain(why)
  })

  test('a refusal shows at most 80 characters of the name', () => {
    expect(refusal(() => checkTopic('x'.repeat(100_000)))?.message.length).toBeLessThan(300)
  })

  test('what is taken has 1–256 bytes and none of the forbidden characters', () => {
    fc.assert(
      fc.property(anyText, (topic) => {
        if (refusal(() => checkTopic(topic))) return
        expect(topic).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\s*]/u)
        expect(Buffer.byteLength(topic)).toBeGreaterThan(0)
        expect(Buffer.byteLength(topic)).toBeLessThanOrEqual(256)
        expect(decodeURIComponent(encodeURIComponent(topic))).toBe(topic)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('[P1.3] ids', () => {
  test.each(['7', 'a:b', 'ä😀', 'a@example.org', '__proto__', 'x'.repeat(128)])(
    '%j is an id, and makes topics',
    (id) => {
      expect(checkId(id, 'userId')).toBe(id)
      for (const topic of [userTopic(id), sessionTopic(id), roleTopic(id), jobTopic(id), jobsTopic(userTopic(id))])
        expect(checkTopic(topic)).toBe(topic)
      expect(jobIdOf(jobTopic(id))).toBe(id)
    },
  )

  test.each(['', 'a b', 'a*', 'a{', '}', 'a\n', '\u200b', '\ud800', 'x'.repeat(129), 7, null, undefined])(
    '%j is none, and the message names the field',
    (id) => {
      expect(refusal(() => checkId(id, 'to.users[0]'))).toMatchObject({
        code: 'id_invalid',
        field: 'to.users[0]',
        message: expect.stringContaining('"to.users[0]"'),
      })
    },
  )

  test('two users never share a topic', () => {
    const id = anyText.filter((text) => !refusal(() => checkId(text, 'id')))
    fc.assert(
      fc.property(id, id, (a, b) => {
        fc.pre(a !== b)
        const of = (one: string): string[] => [
          userTopic(one),
          sessionTopic(one),
          roleTopic(one),
          jobTopic(one),
          jobsTopic(userTopic(one)),
        ]
        expect(new Set([...of(a), ...of(b)]).size).toBe(10)
      }),
    )
  })
})

describe('[P1.4] patterns', () => {
  test.each(['*', 'job:*', 'user:7', 'a*', 'report:9:*', 'user:*', 'é'.repeat(128)])('%j is a pattern', (pattern) =>
    expect(checkPattern(pattern)).toBe(pattern),
  )

  test.each(['', '**', 'a*b', '*a', 'job:**', 'a b', 'job: *', 'a\n*', 'x'.repeat(300), 7, null, undefined, ['*']])(
    '%j is none, and the message names the field',
    (pattern) => {
      expect(refusal(() => checkPattern(pattern, 'grants.subscribe[1]'))).toMatchObject({
        code: 'pattern_invalid',
        field: 'grants.subscribe[1]',
      })
    },
  )

  test('a pattern with a star covers what begins so, one without only itself', () => {
    expect(matchesPattern('*', 'anything')).toBe(true)
    expect(matchesPattern('job:*', 'job:42')).toBe(true)
    expect(matchesPattern('job:*', 'jobs:42')).toBe(false)
    expect(matchesPattern('job:*', 'job')).toBe(false)
    expect(matchesPattern('job:4', 'job:42')).toBe(false)
    expect(matchesPattern('job:42', 'job:42')).toBe(true)
    fc.assert(
      fc.property(anyText, anyText, (stem, topic) => {
        expect(matchesPattern(`${stem}*`, topic)).toBe(topic.startsWith(stem))
        fc.pre(!stem.endsWith('*'))
        expect(matchesPattern(stem, topic)).toBe(topic === stem)
      }),
    )
  })
})

test('[P1.7] topics of jobs are told from their like', () => {
  expect(['job:1', 'jobs:7'].every(isJobTopic)).toBe(true)
  expect(['job', 'jobs', 'jobless', 'user:7', 'all', 'Job:1'].some(isJobTopic)).toBe(false)
})
