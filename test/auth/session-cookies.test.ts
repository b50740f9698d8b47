import { describe, expect, test } from 'vitest'
import { type AuthenticateOptions, createAuthenticate } from '#src/auth/authenticate.js'
import { incomingOf } from '#src/auth/incoming.js'
import { sessionCookies } from '#src/auth/session-cookies.js'
import { createHub } from '#src/index.js'

const withCookie = (cookie: string, more: Record<string, string> = {}) =>
  incomingOf(new Request('http://localhost/events', { headers: { cookie, ...more } }))

describe('session cookies', () => {
  test.each([
    ['sid=1', true],
    ['theme=dark; sid=', true],
    ['theme=dark;sid=x=y', true],
    ['theme=dark, sid=1', true],
    ['sid', true],
    ['part.0=a; part.1=b', true],
    ['sid2=1', false],
    ['theme=sid', false],
    ['SID=1', false],
    ['apart.0=a', false],
  ])('A1: %o holds one of them: %o', (cookie, held) => {
    expect(sessionCookies(['sid', 'part.*']).areIn(withCookie(cookie))).toBe(held)
  })

  test.each([
    ['sid', 'sessionCookies'],
    [['a b'], 'sessionCookies[0]'],
    [['ok', 'a*b'], 'sessionCookies[1]'],
    [[7], 'sessionCookies[0]'],
    [['*'], 'sessionCookies[0]'],
  ])('A1: %o is refused by name', (names, field) => {
    expect(() => sessionCookies(names)).toThrow(expect.objectContaining({ code: 'option_invalid', field }))
  })

  test('A1: sessions beside anonymous readers have to say what a bad one looks like', async () => {
    const options = { authenticate: () => null, anonymous: true, publicTopics: ['news'] }
    await expect(createHub(options)).rejects.toMatchObject({ code: 'option_invalid', field: 'sessionCookies' })
    await (await createHub({ ...options, sessionCookies: [] })).close()
    await (await createHub({ ...options, sessionCookies: ['sid'] })).close()
  })

  test('A1: a bad one is 401 before a token or the development user is asked', async () => {
    const options: AuthenticateOptions = {
      authenticate: () => null,
      sessionCookies: ['sid'],
      development: true,
      loopback: true,
      environment: 'test',
    }
    const request = (cookie: string) =>
      incomingOf(new Request('http://localhost/events?userId=7', { headers: { cookie } }))
    await expect(createAuthenticate(options)(request('sid=x'))).rejects.toMatchObject({
      code: 'unauthorized',
      field: 'Cookie',
    })
    await expect(createAuthenticate(options)(request('theme=x'))).resolves.toMatchObject({ method: 'development' })
  })
})
