import { createHmac, generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { incomingOf } from '#src/auth/incoming.js'
import { jwtAuthenticator } from '#src/auth/jwt.js'
import { type JwtOptions, jwtSource } from '#src/auth/jwt-sources.js'
import { systemClock } from '#src/clock.js'
import { fakeClock } from '#src/testing/fake-clock.js'

const secret = 'a secret of the tests, long enough for HS256'
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

const publicKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey

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

const unsigned = (alg: string) => `${base64url({ alg, typ: 'JWT' })}.${base64url(good())}.`
const flipped = (token: string) => token.slice(0, -2) + (token.at(-2) === 'A' ? 'B' : 'A') + token.at(-1)

const badTokens: readonly (readonly [string, () => string])[] = [
  ['nothing', () => ''],
  ['a word', () => 'token'],
  ['alg none', () => unsigned('none')],
  ['alg None', () => unsigned('None')],
  ['alg nOnE', () => unsigned('nOnE')],
  ['alg none with a signature', () => sign(good(), { alg: 'none' })],
  ['alg HS512', () => sign(good(), { alg: 'HS512' })],
  ['alg RS256', () => sign(good(), { alg: 'RS256' })],
  ['no alg', () => sign(good(), { typ: 'JWT' })],
  ['alg twice, none last', () => sign(good(), '{"alg":"HS256","alg":"none"}')],
  ['a header that is no object', () => sign(good(), '["HS256"]')],
  ['a header that is no JSON', () => sign(good(), 'HS256')],
  ['another secret', () => sign(good(), undefined, 'another secret of the tests, long enough')],
  ['an empty secret', () => sign(good(), undefined, '')],
  ['a public key as secret: PEM', () => sign(good(), undefined, pem)],
  ['a public key as secret: PEM without its last newline', () => sign(good(), undefined, pem.trimEnd())],
  ['a public key as secret: DER', () => sign(good(), undefined, publicKey.export({ type: 'spki', format: 'der' }))],
  ['a public key as secret: JWK', () => sign(good(), undefined, JSON.stringify(publicKey.export({ format: 'jwk' })))],
  ['an elliptic key as secret', () => sign(good(), undefined, curve.export({ type: 'spki', format: 'der' }))],
  [
    'its own key in jwk',
    () => {
      const key = 'a key of the forger, also long enough for it'
      return sign(good(), { alg: 'HS256', jwk: { kty: 'oct', k: base64url(key) } }, key)
    },
  ],
  ['jku', () => sign(good(), { alg: 'HS256', jku: 'http://127.0.0.1:9/jwks' }, 'x'.repeat(40))],
  ['x5u', () => sign(good(), { alg: 'HS256', x5u: 'http://127.0.0.1:9/x' }, 'x'.repeat(40))],
  ['x5c', () => sign(good(), { alg: 'HS256', x5c: ['AAAA'] }, 'x'.repeat(40))],
  ['kid as a path', () => sign(good(), { alg: 'HS256', kid: '../../../dev/null' }, '')],
  ['kid as SQL', () => sign(good(), { alg: 'HS256', kid: "' UNION SELECT 'x" }, 'x')],
  ['kid __proto__', () => sign(good(), '{"alg":"HS256","kid":"__proto__"}', 'x')],
  ['an unknown crit', () => sign(good(), { alg: 'HS256', crit: ['b65'], b65: true })],
  ['a crit that names b64', () => sign(good(), { alg: 'HS256', crit: ['b64'], b64: true })],
  ['b64 false', () => sign(good(), { alg: 'HS256', crit: ['b64'], b64: false })],
  ['b64 false without crit', () => sign(good(), { alg: 'HS256', b64: false })],
  ['the typ of an ID token', () => sign(good(), { alg: 'HS256', typ: 'id_token+jwt' })],
  ['a typ that is no text', () => sign(good(), { alg: 'HS256', typ: 1 })],
  ['no exp', () => sign({ sub: '7' })],
  ['exp now', () => sign(good({ exp: nowSeconds() }))],
  ['exp a second ago', () => sign(good({ exp: nowSeconds() - 1 }))],
  ['exp as text', () => sign(good({ exp: String(nowSeconds() + 60) }))],
  ['exp null', () => sign(good({ exp: null }))],
  ['exp 1e400', () => sign('{"sub":"7","exp":1e400}')],
  ['exp 1e300', () => sign('{"sub":"7","exp":1e300}')],
  ['exp negative', () => sign(good({ exp: -1 }))],
  ['exp -1e400', () => sign('{"sub":"7","exp":-1e400}')],
  ['nbf in the future', () => sign(good({ nbf: nowSeconds() + 30 }))],
  ['nbf as text', () => sign(good({ nbf: '0' }))],
  ['iat in the future', () => sign(good({ iat: nowSeconds() + 30 }))],
  ['iat 1e400', () => sign(`{"sub":"7","exp":${nowSeconds() + 60},"iat":1e400}`)],
  ['sub that is a number', () => sign(good({ sub: 7 }))],
  ['sub with a star', () => sign(good({ sub: '*' }))],
  ['sid that is an object', () => sign(good({ sid: {} }))],
  ['tidings that is text', () => sign(good({ tidings: 'admin' }))],
  ['tidings that is an array', () => sign(good({ tidings: [] }))],
  ['tidings null', () => sign(good({ tidings: null }))],
  ['roles as text', () => sign(good({ tidings: { roles: 'ADMIN' } }))],
  ['a pattern with a star in its middle', () => sign(good({ tidings: { subscribe: ['a*b'] } }))],
  ['admin 1', () => sign(good({ tidings: { admin: 1 } }))],
  ['a namespace with a brace', () => sign(good({ tidings: { namespace: '{a}' } }))],
  ['claims that are an array', () => sign('[]')],
  ['claims that are no JSON', () => sign('exp')],
  ['two segments', () => sign(good()).split('.').slice(0, 2).join('.')],
  ['four dots', () => `${sign(good())}..`],
  ['an empty signature', () => sign(good()).replace(/[^.]+$/, '')],
  ['a signature cut short', () => sign(good()).slice(0, -8)],
  ['a signature with a flipped character', () => flipped(sign(good()))],
  ['white space in a segment', () => sign(good()).replace(/^(.{6})/, '$1 ')],
  ['a line break in a segment', () => sign(good()).replace('.', '.\t')],
  ['padding', () => sign(good()).replace('.', '=.')],
  ['plain base64', () => sign(good()).replace('.', '+.')],
  ['1 MB', () => sign(good({ pad: 'x'.repeat(1_000_000) }))],
  ['9 KiB, well signed', () => sign(good({ pad: 'x'.repeat(9_000) }))],
]

describe('bad tokens', () => {
  test.each(badTokens)('A1, A2: %s is 401, in the same words as any other', async (_what, token) => {
    const thrown: any = await authenticate(asking(`Bearer ${token()}`)).catch((error: unknown) => error)
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
