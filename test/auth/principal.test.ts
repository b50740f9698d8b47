import { describe, expect, test } from 'vitest'
import { canPublish, canSubscribe } from '#src/auth/grants.js'
import { type Claims, checkPrincipal, ownTopics } from '#src/auth/principal.js'

const principal = (claims: Claims) => checkPrincipal(claims, 'session')

describe('principal', () => {
  test('A3: own topics are user, session, roles, jobs of oneself and all', () => {
    expect(ownTopics(principal({ userId: '7', sessionId: 's', roles: ['ADMIN', 'EDITOR'] }))).toEqual([
      'user:7',
      'session:s',
      'role:ADMIN',
      'role:EDITOR',
      'jobs:7',
      'all',
    ])
    expect(ownTopics(principal({}))).toEqual(['all'])
  })

  test('A3: own topics may be read, nobody else’s', () => {
    const seven = principal({ userId: '7', sessionId: 's', roles: ['ADMIN'] })
    for (const topic of ownTopics(seven)) expect(canSubscribe(seven, topic)).toBe(true)
    for (const topic of ['user:8', 'user:77', 'session:t', 'role:EDITOR', 'jobs:8', 'job:1', 'report:9', 'user']) {
      expect(canSubscribe(seven, topic), topic).toBe(false)
    }
  })

  test('A3: jobs it owns may be read; ownership opens nothing else', () => {
    const seven = principal({ userId: '7' })
    expect(canSubscribe(seven, 'job:1', true)).toBe(true)
    expect(canSubscribe(seven, 'user:8', true)).toBe(false)
  })

  test('A3: a grant is exact, or a beginning followed by one star', () => {
    const reader = principal({ subscribe: ['report:9', 'job:*'] })
    expect(canSubscribe(reader, 'report:9')).toBe(true)
    expect(canSubscribe(reader, 'report:99')).toBe(false)
    expect(canSubscribe(reader, 'job:42')).toBe(true)
    expect(canSubscribe(reader, 'jobs:42')).toBe(false)
    expect(canSubscribe(principal({ subscribe: ['*'] }), 'user:8')).toBe(true)
  })

  test('A3: publishing takes a grant, also on own topics and for admins', () => {
    expect(canPublish(principal({ userId: '7', admin: true }), 'user:7')).toBe(false)
    const publisher = principal({ publish: ['report:*'] })
    expect(canPublish(publisher, 'report:9')).toBe(true)
    expect(canPublish(publisher, 'user:7')).toBe(false)
    expect(canSubscribe(publisher, 'report:9')).toBe(false)
  })

  test.each<[string, Claims, string]>([
    ['user id with white space', { userId: 'a b' }, 'userId'],
    ['user id that is a number', { userId: 7 }, 'userId'],
    ['empty session id', { sessionId: '' }, 'sessionId'],
    ['namespace with a brace', { namespace: 'a{b}' }, 'namespace'],
    ['roles that are no array', { roles: 'ADMIN' }, 'roles'],
    ['a role that is no string', { roles: ['A', 1] }, 'roles[1]'],
    ['a role with a star', { roles: ['*'] }, 'roles[0]'],
    ['an empty role', { roles: [''] }, 'roles[0]'],
    ['a pattern with a star in its middle', { subscribe: ['job:*', 'a*b'] }, 'subscribe[1]'],
    ['a pattern with two stars', { publish: ['**'] }, 'publish[0]'],
    ['grants that are no array', { publish: '*' }, 'publish'],
    ['admin that is a word', { admin: 'false' }, 'admin'],
    ['expiry as text', { expiresAt: '2030-01-01' }, 'expiresAt'],
    ['expiry that never comes', { expiresAt: Number.POSITIVE_INFINITY }, 'expiresAt'],
    ['expiry in seconds', { expiresAt: 1_893_456_000 }, 'expiresAt'],
  ])('A2: %s is refused by name', (_what, claims, field) => {
    expect(() => principal(claims)).toThrow(expect.objectContaining({ field }))
  })

  test('A2: null and undefined are absent', () => {
    expect(principal({ userId: null, roles: null, admin: undefined })).toEqual({
      namespace: 'default',
      roles: [],
      subscribe: [],
      publish: [],
      admin: false,
      method: 'session',
    })
  })
})
