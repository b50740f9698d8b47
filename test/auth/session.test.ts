import { describe, expect, test } from 'vitest'
import { incomingOf } from '#src/auth/incoming.js'
import { type ReadSession, sessionAuthenticator } from '#src/auth/session.js'
import { TidingsError } from '#src/errors.js'
import { systemClock } from '#src/clock.js'

const request = incomingOf(new Request('http://localhost/events'))
const ask = (readSession: unknown) => sessionAuthenticator(readSession as ReadSession, systemClock)(request)

describe('sessions', () => {
  test('A1: what the function answers is the principal', async () => {
    const expiresAt = Date.now() + 60_000
    const session = {
      userId: '7',
      sessionId: 's',
      roles: ['ADMIN'],
      namespace: 'acme',
      subscribe: ['a:*'],
      publish: ['b'],
    }
    await expect(ask(async () => ({ ...session, admin: true, expiresAt, cart: [1] }))).resolves.toEqual({
      ...session,
      admin: true,
      expiresAt,
      method: 'session',
    })
  })

  test('A1: null and nothing mean that nobody is signed in', async () => {
    await expect(ask(() => null)).resolves.toBeNull()
    await expect(ask(async () => undefined)).resolves.toBeNull()
  })

  test('A1: a session that has ended is refused', async () => {
    await expect(ask(() => ({ userId: '7', expiresAt: Date.now() - 1 }))).rejects.toMatchObject({
      code: 'unauthorized',
    })
  })

  test.each([
    ['true', true, 'authenticate'],
    ['an array', [], 'authenticate'],
    ['a user id that is a number', { userId: 7 }, 'authenticate.userId'],
    ['roles as text', { roles: 'ADMIN' }, 'authenticate.roles'],
    ['a bad pattern', { subscribe: ['a*b'] }, 'authenticate.subscribe[0]'],
  ])('A1: an answer of %s is the application’s mistake, told by name', async (_what, answer, field) => {
    await expect(ask(() => answer)).rejects.toMatchObject({ code: 'option_invalid', field })
  })

  test('A1: a function that throws is a failure, not an anonymous reader', async () => {
    const cause = new Error('database is down at 10.0.0.7')
    const thrown = await ask(() => {
      throw cause
    }).catch((error: unknown) => error)
    expect(thrown).toMatchObject({ code: 'internal', cause })
    expect((thrown as Error).message).not.toContain('10.0.0.7')
    const limited = new TidingsError('rate_limited', 'slow down')
    await expect(ask(() => Promise.reject(limited))).rejects.toBe(limited)
  })

  test('A1: something that is no function is refused at once', () => {
    expect(() => sessionAuthenticator('cookie' as never, systemClock)).toThrow(/must be a function/)
  })
})
