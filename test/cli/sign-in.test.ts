import { expect, test } from 'vitest'
import { planSignIn } from '#src/cli/sign-in.js'

const issuer = 'https://id.example'
const jwks = 'https://id.example/keys'

test('H10: a secret, the keys of a provider, origins and URL tokens become options of the hub', () => {
  const plan = { jwks, jwtIssuer: issuer, jwtAlgorithms: 'RS256, ES256', allowedOrigins: 'https://a.example,*' }
  expect(planSignIn({ ...plan, urlTokens: true }, '0.0.0.0')).toEqual({
    development: false,
    urlTokens: true,
    allowedOrigins: ['https://a.example', '*'],
    jwt: { jwksUrl: jwks, issuer, audience: undefined, algorithms: ['RS256', 'ES256'] },
  })
  expect(planSignIn({ jwtSecret: 'x' }, '0.0.0.0').jwt).toEqual({ secret: 'x', issuer: undefined, audience: undefined })
})

test.each([
  [{}, '--jwt-secret'],
  [{ jwks, jwtIssuer: issuer, jwtSecret: 'x' }, '--jwt-secret'],
  [{ jwks }, '--jwks'],
  [{ dev: true, jwtAlgorithms: 'RS256' }, '--jwt-algorithms'],
  [{ dev: true, jwtIssuer: issuer }, '--jwt-issuer'],
  [{ dev: true, jwtAudience: 'a' }, '--jwt-audience'],
])('H10: %o stops the start by name', (values, field) => {
  expect(() => planSignIn(values, '127.0.0.1')).toThrow(expect.objectContaining({ code: 'option_invalid', field }))
})

test('A1: the development user is refused beyond loopback', () => {
  expect(() => planSignIn({ dev: true }, '0.0.0.0')).toThrow(expect.objectContaining({ field: '--dev' }))
  expect(planSignIn({ dev: true }, '127.0.0.1')).toEqual({ development: true })
})
