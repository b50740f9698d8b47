import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { JwtOptions } from '#src/index.js'
import { badTokens, goodClaims, makeSigner, secret, type Signer, signed } from '../auth/bad-tokens.js'
import { startHub } from './server.js'

const issuer = 'https://id.example'
const audience = 'tidings'

/** How a hub is told of the signer: by the secret, or by the page of an identity provider on a real server. */
async function optionsFor({ alg, kid, publicKey }: Signer): Promise<JwtOptions> {
  if (alg === 'HS256') return { secret, issuer, audience }
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }
  const provider = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ keys: [jwk] }))
  }).listen(0, '127.0.0.1')
  await once(provider, 'listening')
  onTestFinished(() => void provider.close())
  return { jwksUrl: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/keys`, issuer, audience }
}

interface Told {
  readonly status: number | undefined
  readonly headers: readonly string[]
  readonly body: string
}

function ask(port: number, token: string, path = '/events?topic=all'): Promise<Told> {
  return new Promise((resolve, reject) => {
    const headers = { Authorization: `Bearer ${token}`, Accept: 'application/json' }
    request({ port, host: '127.0.0.1', path, headers, agent: false }, (response) => {
      let body = ''
      response.on('data', (bytes) => {
        body += bytes
      })
      response.on('end', () => {
        const raw = response.rawHeaders
        const pairs = raw.flatMap((name, at) =>
          at % 2 === 0 && name !== 'Date' && name !== 'X-Request-Id' ? [`${name}: ${raw[at + 1]}`] : [],
        )
        resolve({ status: response.statusCode, headers: pairs, body })
      })
    })
      .on('error', reject)
      .end()
  })
}

describe.each(['HS256', 'RS256', 'ES256', 'EdDSA'] as const)('bad tokens for a hub that takes %s', (alg) => {
  test('[P4.7] A1, A2: every bad token gets one answer over HTTP: status, headers and body are the same', async () => {
    const signer = { ...makeSigner(alg, 'one', issuer) }
    const jwt = await optionsFor(signer)
    const { port, errors } = await startHub({
      authenticate: () => null,
      jwt,
      anonymous: true,
      sessionCookies: [],
      publicTopics: ['all'],
    })
    // Good ones carry an audience; of the bad ones those that say nothing of it do too.
    const whole = { ...signer, issuer }
    const claims = (more: object = {}) => goodClaims(whole, { aud: audience, ...more })
    const told = await ask(port, signed(whole, claims()))
    expect([told.status, JSON.parse(told.body)]).toEqual([200, expect.objectContaining({ events: [] })])
    for (const aud of [[audience], ['other', audience]])
      expect((await ask(port, signed(whole, claims({ aud })))).status).toBe(200)

    const answers = new Map<string, string[]>()
    for (const [what, token] of badTokens(whole, { aud: audience })) {
      const made = token()
      if (made.length > 100_000) continue
      const key = JSON.stringify(await ask(port, made))
      answers.set(key, [...(answers.get(key) ?? []), what])
    }
    expect([...answers.values()].map((whats) => whats.length)).toHaveLength(1)
    const [[answer, whats]] = [...answers] as [[string, string[]]]
    expect(whats.length).toBeGreaterThan(70)
    expect(JSON.parse(answer)).toMatchObject({ status: 401, body: expect.stringContaining('"code":"unauthorized"') })
    expect(answer).toContain('WWW-Authenticate: Bearer')
    // Longer than any head of a request may be: refused before anybody looks.
    const long = badTokens(whole, { aud: audience }).find(([what]) => what === '1 MB')?.[1]() as string
    expect([(await ask(port, long).catch(() => ({ status: 431 }))).status]).toEqual([431])
    expect(errors).toEqual([])
  })

  test('T8, T9: a key that does not say what it is for is not taken where several algorithms are', async () => {
    if (alg === 'HS256') return
    const signer = makeSigner(alg, 'one', issuer)
    const { alg: _alg, ...unsaid } = { ...signer.publicKey.export({ format: 'jwk' }), kid: 'one', alg }
    const provider = createServer((_, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ keys: [unsaid] }))
    }).listen(0, '127.0.0.1')
    await once(provider, 'listening')
    onTestFinished(() => void provider.close())
    const jwksUrl = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/keys`
    const open = await startHub({ authenticate: () => null, jwt: { jwksUrl, issuer } })
    expect((await ask(open.port, signed(signer, goodClaims(signer)))).status).toBe(401)
    const pinned = await startHub({ authenticate: () => null, jwt: { jwksUrl, issuer, algorithms: [alg] } })
    expect((await ask(pinned.port, signed(signer, goodClaims(signer)))).status).toBe(200)
  })
})
