import { createHmac, generateKeyPairSync, type KeyObject, sign as signWith } from 'node:crypto'

/** Whoever signs good tokens: by a secret, or by a private key whose public one is published under `kid`. */
export interface Signer {
  readonly alg: 'HS256' | 'RS256' | 'ES256' | 'EdDSA'
  readonly kid: string
  readonly key: string | KeyObject
  /** `iss` of its tokens, where it is checked. */
  readonly issuer?: string
  /** What everybody may know of it; for a secret that of somebody else. */
  readonly publicKey: KeyObject
}

export const secret = 'a secret of the tests, long enough for HS256'
const nowSeconds = () => Math.floor(Date.now() / 1000)
const base64url = (value: string | object) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

const hmac = (key: string | Buffer) => (input: string) => createHmac('sha256', key).update(input).digest()

function signature({ alg, key }: Signer): (input: string) => Buffer {
  if (typeof key === 'string') return hmac(key)
  const bytes = (input: string) => Buffer.from(input)
  if (alg === 'ES256') return (input) => signWith('sha256', bytes(input), { key, dsaEncoding: 'ieee-p1363' })
  return (input) => signWith(alg === 'EdDSA' ? null : 'sha256', bytes(input), key)
}

const pairs = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}

export function makeSigner(alg: Signer['alg'], kid = 'one', issuer?: string): Signer {
  const { publicKey, privateKey } = pairs[alg === 'HS256' ? 'RS256' : alg]()
  return { alg, kid, key: alg === 'HS256' ? secret : privateKey, publicKey, ...(issuer !== undefined && { issuer }) }
}

/** Signs any text of claims under any header, legal or not. `more` is added to the signer's own header. */
export function signed(
  signer: Signer,
  claims: string | object,
  more: string | object = {},
  by: (input: string) => Buffer = signature(signer),
): string {
  const header = typeof more === 'string' ? more : { alg: signer.alg, typ: 'JWT', kid: signer.kid, ...more }
  const input = `${base64url(header)}.${base64url(claims)}`
  return `${input}.${by(input).toString('base64url')}`
}

export const goodClaims = ({ issuer }: Signer, more: object = {}): object => ({
  sub: '7',
  ...(issuer !== undefined && { iss: issuer }),
  exp: nowSeconds() + 60,
  ...more,
})

const flipped = (token: string) => token.slice(0, -3) + (token.at(-3) === 'A' ? 'B' : 'A') + token.slice(-2)

/**
 * The tokens of which none may be taken, each but for one thing as good as the signer makes them, with the claims of `always`.
 * Those about issuer and audience are bad only where these are checked.
 */
export function badTokens(signer: Signer, always: object = {}): readonly (readonly [string, () => string])[] {
  const { alg, kid, publicKey, issuer } = signer
  const good = (more: object = {}) => goodClaims(signer, { ...always, ...more })
  const of = (claims: string | object, more: string | object = {}) => signed(signer, claims, more)
  const forged = (more: object, key: string | Buffer) => signed(signer, good(), { alg: 'HS256', ...more }, hmac(key))
  const claims = (text: string) =>
    `${JSON.stringify({ sub: '7', ...(issuer !== undefined && { iss: issuer }), ...always }).slice(0, -1)},${text}}`
  const stranger = makeSigner(alg === 'HS256' ? 'RS256' : alg, kid, issuer)
  const unsigned = (none: string) => `${base64url({ alg: none, typ: 'JWT', kid })}.${base64url(good())}.`
  const ours = publicKey.export({ format: 'jwk' })
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return [
    ['nothing', () => ''],
    ['a word', () => 'token'],
    ['alg none', () => unsigned('none')],
    ['alg None', () => unsigned('None')],
    ['alg nOnE', () => unsigned('nOnE')],
    ['alg none with a signature', () => of(good(), { alg: 'none' })],
    ['alg HS512', () => of(good(), { alg: 'HS512' })],
    ['alg of another family', () => of(good(), { alg: alg === 'RS256' ? 'ES256' : 'RS256' })],
    ['no alg', () => of(good(), JSON.stringify({ typ: 'JWT', kid }))],
    ['alg twice, none last', () => of(good(), `{"alg":"${alg}","kid":"${kid}","alg":"none"}`)],
    ['a header that is no object', () => of(good(), `["${alg}"]`)],
    ['a header that is no JSON', () => of(good(), alg)],
    ['another secret', () => forged({}, 'another secret of the tests, long enough')],
    ['an empty secret', () => forged({}, '')],
    ['the key of a stranger under the same kid', () => signed(stranger, good())],
    ['a public key as secret: PEM', () => forged({}, pem)],
    ['a public key as secret: PEM without its last newline', () => forged({}, pem.trimEnd())],
    ['a public key as secret: DER', () => forged({}, der)],
    ['a public key as secret: JWK', () => forged({}, JSON.stringify(ours))],
    ['an RSA modulus or a point as secret', () => forged({}, Buffer.from(String(ours.n ?? ours.x), 'base64url'))],
    ['a public key as secret, under its own alg', () => signed(signer, good(), {}, hmac(pem))],
    ['its own key in jwk', () => signed(stranger, good(), { jwk: stranger.publicKey.export({ format: 'jwk' }) })],
    [
      'its own secret in jwk',
      () => forged({ jwk: { kty: 'oct', k: base64url('a key of the forger') } }, 'a key of the forger'),
    ],
    ['jku', () => signed(stranger, good(), { jku: 'http://127.0.0.1:9/jwks', kid: 'mine' })],
    ['x5u', () => signed(stranger, good(), { x5u: 'http://127.0.0.1:9/x' })],
    ['x5c', () => signed(stranger, good(), { x5c: ['AAAA'] })],
    ['kid as a path', () => forged({ kid: '../../../dev/null' }, '')],
    ['kid as SQL', () => forged({ kid: "' UNION SELECT 'x" }, 'x')],
    ['kid __proto__', () => signed(stranger, good(), `{"alg":"${stranger.alg}","kid":"__proto__"}`)],
    ['kid that is an object', () => signed(stranger, good(), { kid: {} })],
    ['an unknown crit', () => of(good(), { crit: ['b65'], b65: true })],
    ['a crit that names b64', () => of(good(), { crit: ['b64'], b64: true })],
    ['b64 false', () => of(good(), { crit: ['b64'], b64: false })],
    ['b64 false without crit', () => of(good(), { b64: false })],
    ['the typ of an ID token', () => of(good(), { typ: 'id_token+jwt' })],
    ['a typ that is no text', () => of(good(), { typ: 1 })],
    ['no exp', () => of({ ...good(), exp: undefined })],
    ['exp now', () => of(good({ exp: nowSeconds() }))],
    ['exp a second ago', () => of(good({ exp: nowSeconds() - 1 }))],
    ['exp as text', () => of(good({ exp: String(nowSeconds() + 60) }))],
    ['exp null', () => of(good({ exp: null }))],
    ['exp 1e400', () => of(claims('"exp":1e400'))],
    ['exp 1e300', () => of(claims('"exp":1e300'))],
    ['exp a float that is over', () => of(good({ exp: nowSeconds() - 0.5 }))],
    ['exp negative', () => of(good({ exp: -1 }))],
    ['exp -1e400', () => of(claims('"exp":-1e400'))],
    ['nbf in the future', () => of(good({ nbf: nowSeconds() + 30 }))],
    ['nbf as text', () => of(good({ nbf: '0' }))],
    ['iat in the future', () => of(good({ iat: nowSeconds() + 30 }))],
    ['iat 1e400', () => of(claims(`"exp":${nowSeconds() + 60},"iat":1e400`))],
    ['another issuer', () => of(good({ iss: 'https://evil.example' }))],
    ['no issuer', () => of({ ...good(), iss: undefined })],
    ['an issuer that is a list', () => of(good({ iss: [issuer] }))],
    ['another audience', () => of(good({ aud: 'other' }))],
    ['other audiences', () => of(good({ aud: ['other', 'others'] }))],
    ['an empty audience', () => of(good({ aud: [] }))],
    ['no audience', () => of({ ...good(), aud: undefined })],
    ['sub that is a number', () => of(good({ sub: 7 }))],
    ['sub with a star', () => of(good({ sub: '*' }))],
    ['sid that is an object', () => of(good({ sid: {} }))],
    ['tidings that is text', () => of(good({ tidings: 'admin' }))],
    ['tidings that is an array', () => of(good({ tidings: [] }))],
    ['tidings null', () => of(good({ tidings: null }))],
    ['roles as text', () => of(good({ tidings: { roles: 'ADMIN' } }))],
    ['a pattern with a star in its middle', () => of(good({ tidings: { subscribe: ['a*b'] } }))],
    ['admin 1', () => of(good({ tidings: { admin: 1 } }))],
    ['a namespace with a brace', () => of(good({ tidings: { namespace: '{a}' } }))],
    ['claims that are an array', () => of('[]')],
    ['claims that are no JSON', () => of('exp')],
    ['two segments', () => of(good()).split('.').slice(0, 2).join('.')],
    ['four dots', () => `${of(good())}..`],
    ['an empty signature', () => of(good()).replace(/[^.]+$/, '')],
    ['a signature cut short', () => of(good()).slice(0, -8)],
    ['a signature with a flipped character', () => flipped(of(good()))],
    ['white space in a segment', () => of(good()).replace(/^(.{6})/, '$1 ')],
    ['a tab in a segment', () => of(good()).replace('.', '.\t')],
    ['padding', () => of(good()).replace('.', '=.')],
    ['plain base64', () => of(good()).replace('.', '+.')],
    ['1 MB', () => of(good({ pad: 'x'.repeat(1_000_000) }))],
    ['9 KiB, well signed', () => of(good({ pad: 'x'.repeat(9_000) }))],
  ]
}
