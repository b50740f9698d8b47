import { decodeJwt } from 'jose'
import { expect, onTestFinished, test } from 'vitest'
import { run, serve } from './program.js'

const secret = 'a secret that only this test knows, long enough'
const environment = { TIDINGS_JWT_SECRET: secret }

test('O5: a token that `token` makes is good at a hub with the same secret, for what was asked and no more', async () => {
  const { program, url } = await serve(['--port', '0', '--store', 'memory'], environment)
  onTestFinished(async () => void (await program.kill()))
  const made = await run(
    [
      'token',
      '--user',
      '7',
      '--publish',
      'report:*',
      '--subscribe',
      'report:*',
      '--roles',
      'A,B',
      '--expires-in',
      '15m',
    ],
    environment,
  )
  expect([made.code, made.errors, made.lines.length]).toEqual([0, '', 1])
  const token = made.lines[0] as string
  const claims = decodeJwt(token)
  expect(claims).toMatchObject({ sub: '7', tidings: { roles: ['A', 'B'], admin: false, namespace: 'default' } })
  expect((claims.exp as number) - (claims.iat as number)).toBe(900)
  const publish = async (topic: string) =>
    await run(['publish', topic, 'n', '1', '--url', url], { TIDINGS_TOKEN: token })
  expect((await publish('report:9')).code).toBe(0)
  const refused = await publish('other')
  expect([refused.code, refused.errors]).toEqual([1, expect.stringContaining('[forbidden]')])
  expect(refused.errors).toContain('docs/concepts/rights.md')
})

test('O5: what a token can do, and how it may leak, is said beside it and not in it', async () => {
  const wide = ['--admin', '--publish', 'report:*, *', '--subscribe', '*', '--expires-in', '7d', '--jwt-secret', secret]
  const { code, lines, errors } = await run(['token', ...wide])
  expect([code, lines.length]).toEqual([0, 1])
  for (const words of [
    'list of processes',
    'administers',
    'publish to every topic',
    'read every topic',
    'lives 7d',
    'names no user',
  ])
    expect(errors).toContain(words)
  expect(errors).not.toContain(secret)
  const asJson = await run(['token', '--user', '7', '--admin', '--json'], environment)
  const { warnings, expiresAt, claims } = JSON.parse(asJson.lines.join()) as Record<string, never>
  expect([asJson.errors, warnings, claims]).toEqual([
    '',
    [expect.stringContaining('administers')],
    expect.objectContaining({ admin: true, user: '7' }),
  ])
  expect(expiresAt).toBeGreaterThan(Date.now())
})

test.each([
  [['--user', '7'], {}, 'TIDINGS_JWT_SECRET'],
  [['--user', '7'], { TIDINGS_JWT_SECRET: 'short' }, 'at least 32 bytes'],
  [['--user', '7', '--expires-in', 'soon'], environment, '--expires-in must be a time such as'],
  [['--user', '7', '--expires-in', '31d'], environment, '30 days'],
  [['--user', 'a b'], environment, 'userId'],
  [['--subscribe', 'a:*:b'], environment, 'a:*:b'],
])('O5: token %j is refused by name', async (args, variables, words) => {
  const { code, lines, errors } = await run(['token', ...args], variables as Record<string, string>)
  expect([code === 0, lines]).toEqual([false, []])
  expect(errors).toContain(words)
  expect(errors).not.toContain(secret)
})
