import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { incomingOf } from '#src/auth/incoming.js'
import { jwtAuthenticator } from '#src/auth/jwt.js'
import { type JwtAlgorithm, type JwtKeysOptions, jwtSource } from '#src/auth/jwt-sources.js'
import { systemClock } from '#src/clock.js'

interface Provider {
  readonly jwksUrl: string
  keys: JWK[]
  status: number
  asked: number
}

/** An identity provider's page of keys, on a real server. */
async function startProvider(): Promise<Provider> {
  const provider = { jwksUrl: '', keys: [] as JWK[], status: 200, asked: 0 }
  const server = createServer((_request, response) => {
    provider.asked++
    response.writeHead(provider.status, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify({ keys: provider.keys }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  provider.jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
  return provider
}

async function makeKey(alg: JwtAlgorithm, kid: string, shown: object = { alg }) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig', ...shown } }
}

const sign = (privateKey: CryptoKey, alg: string, kid: string, claims: object = {}, header: object = {}) =>
  new SignJWT({ sub: '7', iss: 'https://id.example', ...claims })
    .setProtectedHeader({ alg, kid, ...header })
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(privateKey)

const authenticatorOf = (...sources: JwtKeysOptions[]) => {
  const by = jwtAuthenticator({ sources: sources.map((one) => jwtSource(one, 'jwt')), clock: systemClock })
  return (token: string) =>
    by(incomingOf(new Request('http://localhost/events', { headers: { Authorization: `Bearer ${token}` } })))
}
const issuer = 'https://id.example'
const refused = { code: 'unauthorized' }

describe('keys of an identity provider', () => {
  test.each(['RS256', 'ES256', 'EdDSA'] as const)('A2: %s by JWKS, fetched once', async (alg) => {
    const provider = await startProvider()
    const { privateKey, jwk } = await makeKey(alg, 'one')
    provider.keys = [jwk]
    const ask = authenticatorOf({ jwksUrl: provider.jwksUrl, issuer })
    for (let time = 0; time < 3; time++)
      await expect(ask(await sign(privateKey, alg, 'one', { n: time }))).resolves.toMatchObject({ userId: '7' })
    expect(provider.asked).toBe(1)
  })

  test('A2: a key that comes later is found; unknown ids do not make the hub ask again and again', async () => {
    const provider = await startProvider()
    const [first, second] = [await makeKey('ES256', 'one'), await makeKey('ES256', 'two')]
    provider.keys = [first.jwk]
    const early = authenticatorOf({ jwksUrl: provider.jwksUrl, issuer })
    await early(await sign(first.privateKey, 'ES256', 'one'))
    for (let time = 0; time < 20; time++)
      await expect(early(await sign(second.privateKey, 'ES256', `x${time}`))).rejects.toMatchObject(refused)
    expect(provider.asked).toBe(1)

    provider.keys = [first.jwk, second.jwk]
    const late = authenticatorOf({ jwksUrl: provider.jwksUrl, issuer })
    await expect(late(await sign(second.privateKey, 'ES256', 'two'))).resolves.toMatchObject({ userId: '7' })
  })

  test('T9: two tenants that use one key id are not taken for each other', async () => {
    const [acme, other] = [await startProvider(), await startProvider()]
    const [acmeKey, otherKey] = [await makeKey('ES256', 'same'), await makeKey('ES256', 'same')]
    acme.keys = [acmeKey.jwk]
    other.keys = [otherKey.jwk]
    const ask = authenticatorOf(
      { jwksUrl: acme.jwksUrl, issuer: 'https://acme' },
      { jwksUrl: other.jwksUrl, issuer: 'https://other' },
    )
    const good = await sign(acmeKey.privateKey, 'ES256', 'same', { iss: 'https://acme' })
    await expect(ask(good)).resolves.toMatchObject({ userId: '7' })
    await expect(ask(await sign(otherKey.privateKey, 'ES256', 'same', { iss: 'https://acme' }))).rejects.toMatchObject(
      refused,
    )
    // The keys of an issuer that no token named were never asked for.
    expect(other.asked).toBe(0)
    await expect(ask(await sign(acmeKey.privateKey, 'ES256', 'same', { iss: 'https://evil' }))).rejects.toMatchObject(
      refused,
    )
  })

  test('T8: a public key is no secret, and what a token says of its own key is not read', async () => {
    const provider = await startProvider()
    const { privateKey, jwk } = await makeKey('RS256', 'one')
    provider.keys = [jwk]
    const ask = authenticatorOf({ jwksUrl: provider.jwksUrl, issuer })
    const own = await makeKey('RS256', 'mine')
    const secret = new TextEncoder().encode(JSON.stringify(jwk))
    const confused = await new SignJWT({ sub: '7', iss: issuer })
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .setExpirationTime('1m')
      .sign(secret)
    const evil = await startProvider()
    evil.keys = [own.jwk]
    for (const token of [
      confused,
      await sign(own.privateKey, 'RS256', 'mine', {}, { jwk: own.jwk }),
      await sign(own.privateKey, 'RS256', 'mine', {}, { jku: evil.jwksUrl }),
      await sign(own.privateKey, 'RS256', 'one', {}, { jwk: own.jwk }),
      await sign(own.privateKey, 'RS256', '__proto__'),
    ]) {
      await expect(ask(token)).rejects.toMatchObject(refused)
    }
    expect(evil.asked).toBe(0)
    await expect(ask(await sign(privateKey, 'RS256', 'one'))).resolves.toMatchObject({ userId: '7' })
  })

  test('T8: a key that does not say what it is for counts only where one algorithm was set', async () => {
    const provider = await startProvider()
    const { privateKey, jwk } = await makeKey('RS256', 'one', {})
    provider.keys = [jwk]
    const token = await sign(privateKey, 'RS256', 'one')
    await expect(authenticatorOf({ jwksUrl: provider.jwksUrl, issuer })(token)).rejects.toMatchObject(refused)
    const pinned = authenticatorOf({ jwksUrl: provider.jwksUrl, issuer, algorithms: ['RS256'] })
    await expect(pinned(token)).resolves.toMatchObject({ userId: '7' })
  })

  test('A2: a provider that is down signs nobody out', async () => {
    const provider = await startProvider()
    provider.status = 500
    const { privateKey } = await makeKey('ES256', 'one')
    const ask = authenticatorOf({ jwksUrl: provider.jwksUrl, issuer })
    await expect(ask(await sign(privateKey, 'ES256', 'one'))).rejects.toMatchObject({
      code: 'identity_unavailable',
      retryable: true,
    })
  })

  test.each([
    [{ jwksUrl: 'http://id.example/keys', issuer }, 'jwt.jwksUrl'],
    [{ jwksUrl: 'keys', issuer }, 'jwt.jwksUrl'],
    [{ jwksUrl: 'https://id.example/keys' }, 'jwt.issuer'],
    [{ jwksUrl: 'https://id.example/keys', issuer, algorithms: ['HS256'] }, 'jwt.algorithms'],
    [{ jwksUrl: 'https://id.example/keys', issuer, algorithms: [] }, 'jwt.algorithms'],
    [{ jwksUrl: 'https://id.example/keys', issuer, audience: 7 }, 'jwt.audience'],
  ])('A2: %o is refused by name', (options, field) => {
    expect(() => jwtSource(options as JwtKeysOptions, 'jwt')).toThrow(
      expect.objectContaining({ code: 'option_invalid', field }),
    )
  })
})
