import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { encode } from '@auth/core/jwt'
import type { Auth } from 'better-auth'
import { EventSource } from 'eventsource'
import { sealData } from 'iron-session'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type Hub } from '#src/index.js'
import { bearer } from '../fixtures/bearer.js'
import { blocksOf, replaced } from './blocks.js'

const guide = 'docs/guides/auth.md'
const secret = 'a secret that only this test knows, long enough for all'

/** What the guide calls your own. */
const app = `
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
export const providers = []
const database = memoryAdapter({ user: [], session: [], account: [], verification: [] })
export const auth = betterAuth({ baseURL: 'http://localhost', secret: '${secret}', database, emailAndPassword: { enabled: true } })
`
const changes: Record<string, Record<string, string>> = { 'express.ts': { 'listen(3000)': 'listen(0)' } }

interface Asked {
  status: number
  body: { topics?: string[]; token?: string; code?: string }
}

describe('docs/guides/auth.md', () => {
  const folder = resolve('.cache', `auth-guide-${process.pid}`)
  const load = async (name: string) => await import(pathToFileURL(join(folder, 'out', `${name}.js`)).href)

  beforeAll(() => {
    for (const name of ['AUTH_SECRET', 'SESSION_SECRET', 'TIDINGS_JWT_SECRET']) process.env[name] = secret
    mkdirSync(folder, { recursive: true })
    const blocks = blocksOf(guide).filter(({ language }) => language === 'ts')
    expect(blocks.length).toBe(9)
    for (const { name, text } of blocks) writeFileSync(join(folder, name), replaced(text, changes[name] ?? {}))
    writeFileSync(join(folder, 'app.ts'), app)
    const compilerOptions = {
      rootDir: '.',
      outDir: 'out',
      declaration: false,
      sourceMap: false,
      declarationMap: false,
      lib: ['ES2023', 'DOM', 'DOM.Iterable'],
      skipLibCheck: true,
    }
    const project = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(project))
    const compiler = resolve('node_modules/typescript/bin/tsc')
    const { stdout } = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' })
    expect(stdout).toBe('')
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** The person whom the hub takes a cookie for, through its tokens. */
  async function personOf(hub: Pick<Hub, 'fetch'>, headers: Record<string, string>): Promise<string | number> {
    const request = new Request('http://hub.test/tokens', { method: 'POST', headers })
    const response = await hub.fetch(request)
    const { token } = (await response.json()) as { token?: string }
    return token === undefined ? response.status : (JSON.parse(atob(token.split('.')[1] as string)).sub as string)
  }

  async function checkHub(hub: Hub, userId: string, cookie: string): Promise<void> {
    onTestFinished(() => hub.close({ drainMs: 0 }))
    expect(await personOf(hub, { cookie })).toBe(userId)
    expect(
      await personOf(hub, {
        cookie: cookie.replace(/=(.{5})(..)/, (_, before, two) => `=${before}${two === 'xx' ? 'yy' : 'xx'}`),
      }),
    ).toBe(401)
    expect(await personOf(hub, {})).toBe(401)
  }

  test('A1: Auth.js, its routes, and its sign-out', async () => {
    const { hub, config } = await load('auth-js')
    const { GET, POST } = await load('route')
    const token = { sub: '7', sid: 'of-the-session', roles: ['EDITOR'] }
    const name = 'authjs.session-token'
    const cookie = `${name}=${await encode({ secret, salt: name, token })}`
    await checkHub(hub, '7', cookie)
    const ask = async (call: typeof GET, init: RequestInit = {}): Promise<Asked> => {
      const headers = { cookie, accept: 'application/json', 'content-type': 'application/json' }
      const response = await call(new Request('http://app.test/tidings/events?topic=user:7', { headers, ...init }))
      return { status: response.status, body: await response.json() }
    }
    expect((await ask(GET)).status).toBe(200)
    expect(await ask(POST, { method: 'POST', body: '{"topic":"x","type":"n"}' })).toMatchObject({
      status: 403,
      body: { topics: ['x'] },
    })
    const made = await config.callbacks.jwt({ token: { sub: '7' }, user: { id: '7' } })
    expect(made).toMatchObject({ sub: '7', sid: expect.any(String), roles: ['EDITOR'] })
    await config.events.signOut({ token })
    expect((await ask(GET)).status).toBe(401)
  })

  test('A1: better-auth', async () => {
    const [{ hub }, { auth }] = [await load('better-auth'), (await load('app')) as { auth: Auth }]
    const account = { email: 'ada@example.com', password: 'a long password', name: 'Ada' }
    const headers = { 'content-type': 'application/json' }
    const address = 'http://localhost/api/auth/sign-up/email'
    const answer = await auth.handler(new Request(address, { method: 'POST', headers, body: JSON.stringify(account) }))
    const { user } = (await answer.json()) as { user: { id: string } }
    await checkHub(hub, user.id, answer.headers.getSetCookie()[0]?.split(';')[0] as string)
  })

  test('A1: iron-session', async () => {
    const { hub } = await load('iron-session')
    const sealed = await sealData({ userId: '7', sid: 's' }, { password: secret })
    await checkHub(hub, '7', `app-session=${sealed}`)
  })

  test('A1: Express sessions', async () => {
    const { server } = (await load('express')) as { server: Server }
    if (!server.listening) await once(server, 'listening')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const signed = await fetch(`${url}/sign-in`, { method: 'POST' })
    const cookie = signed.headers.getSetCookie()[0]?.split(';')[0] as string
    const ask = async (headers: Record<string, string>) =>
      (await fetch(`${url}/tidings/events?topic=user:7`, { headers: { accept: 'application/json', ...headers } }))
        .status
    expect([await ask({ cookie }), await ask({ cookie: `${cookie}x` }), await ask({})]).toEqual([200, 401, 401])
  })

  test('A2: the token of the guide is one that its hub takes', async () => {
    const [{ hub }, { tokenFor }] = [await load('jwt'), await load('token')]
    onTestFinished(() => hub.close({ drainMs: 0 }))
    expect(await personOf(hub, { authorization: `Bearer ${await tokenFor('7')}` })).toBe('7')
    // It names no audience.
    expect(await personOf(hub, { authorization: `Bearer ${await bearer(secret, '7')}` })).toBe(401)
  })

  test('A1: a native EventSource goes on where it was when its token has ended', async () => {
    const hub = await createHub({
      authenticate: (request) =>
        new URL(request.url).pathname === '/tokens' ? { userId: '7', subscribe: ['*'] } : null,
      urlTokens: true,
      retryMs: { from: 50, to: 60 },
    })
    const server = createServer(toNodeHandler(hub, { basePath: '/tidings' })).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const sources: EventSource[] = []
    const [platformFetch, platformSource] = [globalThis.fetch, globalThis.EventSource]
    globalThis.fetch = (input, init) => platformFetch(`${url}${input as string}`, init)
    globalThis.EventSource = class extends EventSource {
      constructor(address: string) {
        super(url + address, { fetch: platformFetch })
        sources.push(this)
      }
    } as never
    onTestFinished(async () => {
      Object.assign(globalThis, { fetch: platformFetch, EventSource: platformSource })
      for (const source of sources) source.close()
      await hub.close({ drainMs: 0 })
      server.closeAllConnections()
      server.close()
    })
    const heard: unknown[] = []
    const { listen } = await load('native')
    await listen((event: MessageEvent) => heard.push(JSON.parse(event.data).data))
    await expect.poll(() => hub.stats().connections).toBe(1)
    await hub.publish({ topic: 'report:9', type: 'n', data: 1 })
    await expect.poll(() => heard).toEqual([1])
    await hub.revoke({ user: '7' })
    await hub.publish({ topic: 'report:9', type: 'n', data: 2 })
    await expect.poll(() => heard).toEqual([1, 2])
    expect(sources.length).toBeGreaterThan(1)
  })
})
