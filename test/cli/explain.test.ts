import { expect, onTestFinished, test } from 'vitest'
import { readStream } from '../fixtures/stream.js'
import { bearer } from '../fixtures/bearer.js'
import { run, serve } from './program.js'

const secret = 'a secret that only this test knows, long enough'

test('O5: explain says in words why a reader has an event, or not', async () => {
  const { program, url } = await serve(['--port', '0', '--store', 'memory'], { TIDINGS_JWT_SECRET: secret })
  onTestFinished(async () => void (await program.kill()))
  const admin = await bearer(secret, 'boss', { admin: true, publish: ['*'] })
  const reader = await readStream(url, {
    topics: ['user:7'],
    headers: { Authorization: `Bearer ${await bearer(secret, '7')}` },
  })
  onTestFinished(() => reader.close())
  await reader.control('hello')
  const publish = await run(['publish', 'user:7', 'notification', '{"title":"PLANTED"}', '--url', url], {
    TIDINGS_TOKEN: admin,
  })
  const { id } = JSON.parse(publish.lines.join()) as { id: string }
  await reader.next()
  const explain = async (...args: string[]) =>
    await run(['explain', '--url', url, '--token', admin, ...args], { TIDINGS_USER: '7' })

  const sent = await explain('--event', id, '--user', '7')
  expect(sent.code).toBe(0)
  expect(sent.lines.join('\n')).toMatch(/^event {6}\S+ {2}notification {2}normal/)
  expect(sent.lines.join('\n')).toContain('It was sent on at least one connection')
  expect(sent.lines.join('\n')).not.toMatch(/PLANTED|\u001b/)
  const other = await explain('--event', id, '--user', '8', '--topics', 'user:7,all', '--roles', 'A,B', '--json')
  const { reasons, searched } = JSON.parse(other.lines.join()) as {
    reasons: { code: string }[]
    searched: { topics: string[] }
  }
  expect(reasons.map(({ code }) => code)).toEqual(['forbidden', 'absent'])
  expect(searched.topics).toEqual(expect.arrayContaining(['user:7', 'user:8', 'role:A', 'role:B', 'all']))
  const unknown = await explain('--event', 'never', '--user', '7')
  expect([unknown.code, unknown.lines.join('\n')]).toEqual([1, expect.stringContaining('not found')])

  expect(await explain('--event', id)).toMatchObject({ code: 2, errors: expect.stringContaining('--user') })
  const nobody = await run(['explain', '--url', url, '--event', id, '--user', '7'])
  expect([nobody.code, nobody.errors]).toEqual([1, expect.stringContaining('tidings token')])
})
