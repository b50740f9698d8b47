import { describe, expect, test } from 'vitest'
import { type AuthenticateOptions, createAuthenticate } from '#src/auth/authenticate.js'
import { incomingOf } from '#src/auth/incoming.js'
import { refuseBeyondLoopback } from '#src/auth/development.js'
import { createMint } from '#src/auth/mint.js'
import { systemClock } from '#src/clock.js'
import { uuidv7Ids } from '#src/ids.js'
import { systemRandom } from '#src/random.js'
import { fakeClock } from '#src/testing/fake-clock.js'

const secret = 'a secret of the tests, long enough for HS256'
const makeId = uuidv7Ids(systemClock, systemRandom)
const mint = createMint({ jwt: { secret }, clock: systemClock, makeId })
const development = { development: true, loopback: true, environment: 'test' }

function ask(options: AuthenticateOptions, path = '/events', token?: string) {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  return createAuthenticate({ environment: 'test', ...options })(
    incomingOf(new Request(new URL(path, 'http://localhost:4000'), { headers })),
  )
}

describe('authenticators in order', () => {
  test('A1: a hub without one refuses to start', () => {
    expect(() => createAuthenticate({})).toThrow(
      expect.objectContaining({ code: 'option_invalid', field: 'authenticate' }),
    )
    expect(() => createAuthenticate({ mintSecret: secret })).toThrow(/needs to know who asks/)
  })

  test('A1: the session decides before the token, the token before the development user', async () => {
    const { token } = await mint.forJob('default', '1')
    const all = { ...development, jwt: { secret }, authenticate: () => ({ userId: 's' }) }
    await expect(ask(all, '/events?userId=d', token)).resolves.toMatchObject({ method: 'session' })
    await expect(ask({ ...all, authenticate: () => null }, '/events?userId=d', token)).resolves.toMatchObject({
      method: 'jwt',
    })
    await expect(ask({ ...all, authenticate: () => null }, '/events?userId=d')).resolves.toMatchObject({
      method: 'development',
    })
  })

  test('A1: no credential is 401', async () => {
    await expect(ask({ jwt: { secret } })).rejects.toMatchObject({ code: 'unauthorized', status: 401 })
    await expect(ask(development)).rejects.toMatchObject({ code: 'unauthorized' })
    await expect(ask({ authenticate: () => null })).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test('A1: a bad token is 401 also where the development user would do, and where no tokens are taken', async () => {
    await expect(ask({ ...development, jwt: { secret } }, '/?userId=7', 'bad')).rejects.toMatchObject({
      code: 'unauthorized',
    })
    await expect(ask(development, '/?userId=7', 'bad')).rejects.toMatchObject({ code: 'unauthorized' })
  })
})

describe('the development user', () => {
  test('A1: may publish to anything and create jobs, and is no admin', async () => {
    await expect(ask(development, '/events?userId=7&roles=ADMIN,EDITOR&roles=X')).resolves.toEqual({
      namespace: 'default',
      userId: '7',
      roles: ['ADMIN', 'EDITOR', 'X'],
      subscribe: [],
      publish: ['*'],
      admin: false,
      method: 'development',
    })
  })

  test.each(['userId=', 'userId=a%20b', 'userId=*', 'userId=7&roles=a%20b'])('A1: %s is 401', async (query) => {
    await expect(ask(development, `/events?${query}`)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test('A1: is refused in production and beyond loopback', () => {
    expect(() => createAuthenticate({ ...development, environment: 'production' })).toThrow(/NODE_ENV=production/)
    expect(() => createAuthenticate({ ...development, loopback: false })).toThrow(/other than loopback/)
    expect(() => createAuthenticate({ development: true, environment: 'test' })).toThrow(/other than loopback/)
  })

  test('A1: a listener is loopback by its address', () => {
    for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', undefined])
      refuseBeyondLoopback(address)
    for (const address of ['10.0.0.1', '0.0.0.0', '::', '128.0.0.1', '::ffff:10.0.0.1']) {
      expect(() => refuseBeyondLoopback(address), address).toThrow(/loopback/)
    }
  })

  test.each(['localhost', '127.0.0.1', '[::1]', 'app.localhost'])('T5: is known under %s', async (host) => {
    await expect(ask(development, `http://${host}:4000/?userId=7`)).resolves.toMatchObject({ userId: '7' })
  })

  test.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.7', '[::2]'])(
    'T5: is not known under %s, which a rebound name would show',
    async (host) => {
      await expect(ask(development, `http://${host}:4000/?userId=7`)).rejects.toMatchObject({ code: 'unauthorized' })
    },
  )
})

describe('job tokens', () => {
  test('A4: open one job of one namespace for reading and nothing else', async () => {
    const { token } = await mint.forJob('acme', '42')
    const principal = await ask({ jwt: { secret } }, '/events', token)
    expect(principal).toMatchObject({ namespace: 'acme', scope: ['job:42'], jobId: '42', publish: [], roles: [] })
    expect(principal).not.toHaveProperty('userId')
  })

  test('A4: live at most 24 h, and as short as asked', async () => {
    const clock = fakeClock(1_000_000_000_000)
    const { forJob } = createMint({ jwt: { secret }, clock, makeId })
    const day = 24 * 3_600_000
    expect((await forJob('default', '1')).expiresAt).toBe(clock.now() + day)
    expect((await forJob('default', '1', { lifeMs: 7 * day })).expiresAt).toBe(clock.now() + day)
    const { token, expiresAt } = await forJob('default', '1', { lifeMs: 60_000 })
    expect(expiresAt).toBe(clock.now() + 60_000)
    await clock.advance(60_000)
    await expect(ask({ jwt: { secret }, clock }, '/events', token)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test('A2: carry the issuer and audience that the hub checks', async () => {
    const jwt = { secret, issuer: 'https://id.example', audience: 'tidings' }
    const { token } = await createMint({ jwt, clock: systemClock, makeId }).forJob('default', '1')
    await expect(ask({ jwt }, '/events', token)).resolves.toMatchObject({ scope: ['job:1'] })
  })

  test('A2: a hub that has sessions only signs with a key of its own', async () => {
    const own = 'the key that the hub made for itself, 43 chars'
    const { token } = await createMint({ jwt: { secret: own }, clock: systemClock, makeId }).forJob('default', '1')
    const options = { authenticate: () => null, mintSecret: own }
    await expect(ask(options, '/events', token)).resolves.toMatchObject({ scope: ['job:1'] })
    await expect(ask({ authenticate: () => null }, '/events', token)).rejects.toMatchObject({ code: 'unauthorized' })
  })
})
