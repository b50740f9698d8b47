import { createHmac } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { incomingOf } from '#src/auth/incoming.js'
import { jwtAuthenticator } from '#src/auth/jwt.js'
import { type JwtOptions, jwtSource } from '#src/auth/jwt-sources.js'
import { systemClock } from '#src/clock.js'
import { fakeClock } from '#src/testing/fake-clock.js'
import { badTokens, goodClaims, makeSigner, secret, signed } from './bad-tokens.js'

const nowSeconds = () => Math.floor(Date.now() / 1000)
const base64url = (value: string | object) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** Signs any header and any text of claims, legal or not. */
function sign(
  claims: string | object,
  header: string | object = { alg: 'HS256', typ: 'JWT' },
  key: string | Buffer = secret,
) {
  const input = `${base64url(header)}.${base64url(claims)}`
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
}

const good = (more: object = {}) => ({ sub: '7', exp: nowSeconds() + 60, ...more })
const asking = (authorization: string) =>
  incomingOf(new Request('http://localhost/events', { headers: { Authorization: authorization } }))
const authenticatorOf = (...sources: JwtOptions[]) =>
  jwtAuthenticator({ sources: sources.map((source) => jwtSource(source, 'jwt')), clock: systemClock })
const authenticate = authenticatorOf({ secret })
const ask = (token: string, by = authenticate) => by(asking(`Bearer ${token}`))

describe('Bearer tokens', () => {
  test('A2: claims become the principal', async () => {
    const exp = nowSeconds() + 60
    const tidings = { namespace: 'acme', roles: ['ADMIN'], subscribe: ['job:*'], publish: ['*'], admin: true }
    await expect(ask(sign({ sub: '7', sid: 's', exp, tidings }))).resolves.toEqual({
      userId: '7',
      sessionId: 's',
      ...tidings,
      expiresAt: exp * 1000,
      method: 'jwt',
    })
  })

  test('A2: a token made by jose is taken; unknown claims are left alone', async () => {
    const token = await new SignJWT({ sub: '7', scope: 'x', tidings: { later: 1 } })
      .setProtectedHeader({ alg: 'HS256', kid: '../../etc/passwd' })
      .setExpirationTime(nowSeconds() + 60)
      .sign(new TextEncoder().encode(secret))
    await expect(ask(token)).resolves.toMatchObject({ userId: '7', namespace: 'default', admin: false, publish: [] })
  })

  test('A1: a request without a Bearer token carries none', async () => {
    await expect(authenticate(incomingOf(new Request('http://localhost/')))).resolves.toBeNull()
    await expect(authenticate(asking('Basic YTpi'))).resolves.toBeNull()
  })

  test('A2: the time is the clock that was handed in', async () => {
    const clock = fakeClock(1_000_000_000_000)
    const by = jwtAuthenticator({ sources: [jwtSource({ secret }, 'jwt')], clock })
    const token = sign({ exp: 1_000_000_060, nbf: 1_000_000_000 })
    await expect(ask(token, by)).resolves.toMatchObject({ expiresAt: 1_000_000_060_000 })
    await clock.advance(60_000)
    await expect(ask(token, by)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test('A2: a token that was believed once is no help to one that differs by its signature or claims', async () => {
    const token = sign(good())
    await expect(ask(token)).resolves.toMatchObject({ userId: '7' })
    const [header, , signature] = token.split('.')
    const forged = `${header}.${base64url({ ...good(), sub: '8' })}.${signature}`
    await expect(ask(forged)).rejects.toMatchObject({ code: 'unauthorized' })
    await expect(ask(`${token.slice(0, -4)}AAAA`)).rejects.toMatchObject({ code: 'unauthorized' })
    await expect(ask(token)).resolves.toMatchObject({ userId: '7' })
  })

  test('A2: an issuer whose clock runs up to 5 s ahead is believed', async () => {
    const ahead = nowSeconds() + 3
    await expect(ask(sign(good({ iat: ahead, nbf: ahead })))).resolves.toMatchObject({ userId: '7' })
  })

  test('A2: issuer and audience are checked where set', async () => {
    const by = authenticatorOf({ secret, issuer: 'https://id.example', audience: 'tidings' })
    const iss = 'https://id.example'
    await expect(ask(sign(good({ iss, aud: 'tidings' })), by)).resolves.toMatchObject({ userId: '7' })
    await expect(ask(sign(good({ iss, aud: ['other', 'tidings'] })), by)).resolves.toMatchObject({ userId: '7' })
    for (const wrong of [
      { iss },
      { aud: 'tidings' },
      { iss, aud: 'other' },
      { iss: 'x', aud: 'tidings' },
      { iss, aud: [] },
    ]) {
      await expect(ask(sign(good(wrong)), by), JSON.stringify(wrong)).rejects.toMatchObject({ code: 'unauthorized' })
    }
  })

  test('A2: a second key, the hub’s own, is tried too', async () => {
    const own = 'the key that the hub made for itself, 43 chars'
    const by = authenticatorOf({ secret, issuer: 'https://id.example' }, { secret: own })
    await expect(ask(sign(good(), undefined, own), by)).resolves.toMatchObject({ userId: '7' })
    await expect(ask(sign(good()), by)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test.each(['', 'short', 'x'.repeat(31), undefined, 7])('A2: a secret of %o is refused by name', (short) => {
    expect(() => authenticatorOf({ secret: short as string })).toThrow(
      expect.objectContaining({ code: 'option_invalid', field: 'jwt.secret' }),
    )
  })
})

describe('bad tokens', () => {
  const strict = authenticatorOf({ secret, issuer: 'https://id.example', audience: 'tidings' })
  const always = { aud: 'tidings' }
  const signer = makeSigner('HS256', 'one', 'https://id.example')

  test.each(badTokens(signer, always))('A1, A2: %s is 401, in the same words as any other', async (_what, token) => {
    await expect(ask(signed(signer, goodClaims(signer, always)), strict)).resolves.toMatchObject({ userId: '7' })
    const thrown: any = await strict(asking(`Bearer ${token()}`)).catch((error: unknown) => error)
    expect(thrown).toMatchObject({ code: 'unauthorized', status: 401, field: 'Authorization' })
    expect(thrown.message).toBe('The Bearer token is not valid here: get a new one and try again.')
  })

  test('a keyword twice in the claims counts as its last, which is what was signed', async () => {
    await expect(ask(sign(`{"exp":${nowSeconds() + 60},"sub":"8","sub":"7"}`))).resolves.toMatchObject({ userId: '7' })
  })

  test('a key named __proto__ in the claims gives no right', async () => {
    const claims = `{"exp":${nowSeconds() + 60},"tidings":{"__proto__":{"admin":true,"publish":["*"]}}}`
    await expect(ask(sign(claims))).resolves.toMatchObject({ admin: false, publish: [] })
  })
})
