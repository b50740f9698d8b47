import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Auth, type AuthConfig } from '@auth/core'
import { encode, getToken } from '@auth/core/jwt'
import Credentials from '@auth/core/providers/credentials'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import express from 'express'
import session from 'express-session'
import { getIronSession, sealData } from 'iron-session'
import { onTestFinished } from 'vitest'
import { toNodeHandler } from '#src/http/node.js'
import { createHub, type Hub, type HubOptions, type Session } from '#src/index.js'

/** An application that signs people in by one of the packages, with a hub that reads its sessions. */
export interface Application {
  readonly hub: Hub
  readonly url: string
  /** The `Cookie` header of somebody who has just signed in, made by the package itself. */
  signIn(name: string): Promise<string>
  /** Who it is, by the package's own word. */
  userIdOf(name: string): string
  /** Signs out; a thief may have kept the cookie. */
  signOut(cookie: string): Promise<void>
  /** A cookie whose time is over. */
  expired(name: string): Promise<string>
}

const secret = 'a secret that only these tests know, long enough for all'
const password = 'a long password of the tests'

/** What the hub is told beside who somebody is: strangers may read the news, so that a bad cookie has something to win. */
const rest: Partial<HubOptions> = { anonymous: true, publicTopics: ['news'] }
const rights = { roles: ['EDITOR'], publish: ['report:*'] }

async function listen(listener: RequestListener, hub: Hub): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    await hub.close({ drainMs: 0 })
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What a browser would send back of what was set. */
function cookieOf(headers: Headers, name: string): string {
  const found = headers.getSetCookie().find((cookie) => cookie.startsWith(`${name}=`))
  if (!found) throw new Error(`no ${name} was set: ${headers.getSetCookie().join(' | ')}`)
  return found.split(';', 1)[0] as string
}

async function authJs(): Promise<Application> {
  const name = 'authjs.session-token'
  const config: AuthConfig = {
    secret,
    trustHost: true,
    basePath: '/auth',
    logger: { error: () => {}, warn: () => {}, debug: () => {} },
    providers: [
      Credentials({
        credentials: { name: {}, password: {} },
        authorize: (given) => (given.password === password ? { id: `id-${given.name as string}` } : null),
      }),
    ],
    callbacks: {
      // Its `jti` changes whenever the cookie is made anew; this names the session for as long as it is.
      jwt: ({ token, user }) => (user ? { ...token, sid: crypto.randomUUID() } : token),
    },
    events: {
      // A session that lives in its cookie ends nowhere else.
      async signOut(message) {
        if ('token' in message) await hub.revoke({ session: message.token?.['sid'] as string })
      },
    },
  }
  const hub = await createHub({
    ...rest,
    authenticate: async (request) => {
      const token = await getToken({ req: request, secret })
      return token && { userId: token.sub as string, sessionId: token['sid'] as string, ...rights }
    },
    sessionCookies: [`${name}*`],
  })
  const url = await listen(toNodeHandler(hub), hub)
  const ask = async (path: string, cookie = '', form?: Record<string, string>) =>
    await Auth(
      new Request(`${url}/auth/${path}`, {
        headers: { cookie, ...(form && { 'content-type': 'application/x-www-form-urlencoded' }) },
        ...(form && { method: 'POST', body: new URLSearchParams(form) }),
      }),
      config,
    )
  const csrf = async () => {
    const answer = await ask('csrf')
    return {
      cookie: cookieOf(answer.headers, 'authjs.csrf-token'),
      ...((await answer.json()) as { csrfToken: string }),
    }
  }
  return {
    hub,
    url,
    userIdOf: (person) => `id-${person}`,
    async signIn(person) {
      const { cookie, csrfToken } = await csrf()
      const { headers } = await ask('callback/credentials', cookie, { csrfToken, name: person, password })
      return cookieOf(headers, name)
    },
    async signOut(cookie) {
      const { cookie: guard, csrfToken } = await csrf()
      await ask('signout', `${cookie}; ${guard}`, { csrfToken })
    },
    expired: async (person) =>
      `${name}=${await encode({ secret, salt: name, maxAge: -60, token: { sub: `id-${person}`, sid: 'old' } })}`,
  }
}

async function betterAuthApp(): Promise<Application> {
  const db: Record<string, Record<string, unknown>[]> = { user: [], session: [], account: [], verification: [] }
  const auth = betterAuth({
    baseURL: 'http://localhost',
    secret,
    database: memoryAdapter(db),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
  })
  const hub = await createHub({
    ...rest,
    authenticate: async ({ headers }) => {
      const found = await auth.api.getSession({ headers })
      return (
        found && {
          userId: found.user.id,
          sessionId: found.session.id,
          expiresAt: found.session.expiresAt.getTime(),
          ...rights,
        }
      )
    },
    sessionCookies: ['better-auth.session_token'],
  })
  const url = await listen(toNodeHandler(hub), hub)
  const ids = new Map<string, string>()
  const ask = async (path: string, body: object, cookie = '') =>
    await auth.handler(
      new Request(`http://localhost/api/auth/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: 'http://localhost', cookie },
        body: JSON.stringify(body),
      }),
    )
  const signIn = async (person: string): Promise<string> => {
    const account = { email: `${person}@example.com`, password, name: person }
    const answer = ids.has(person) ? await ask('sign-in/email', account) : await ask('sign-up/email', account)
    ids.set(person, ((await answer.json()) as { user: { id: string } }).user.id)
    return cookieOf(answer.headers, 'better-auth.session_token')
  }
  return {
    hub,
    url,
    signIn,
    userIdOf: (person) => ids.get(person) as string,
    async signOut(cookie) {
      await ask('sign-out', {}, cookie)
    },
    async expired(person) {
      const cookie = await signIn(person)
      const last = db['session']?.at(-1) as { expiresAt: Date }
      last.expiresAt = new Date(Date.now() - 1_000)
      return cookie
    },
  }
}

async function ironSession(): Promise<Application> {
  interface Kept {
    userId?: string
    sid?: string
  }
  const options = { password: secret, cookieName: 'app-session' }
  const hub = await createHub({
    ...rest,
    authenticate: async (request) => {
      const { userId, sid } = await getIronSession<Kept>(request, new Response(), options)
      return userId === undefined ? null : { userId, sessionId: sid, ...rights }
    },
    sessionCookies: [options.cookieName],
  })
  const url = await listen(toNodeHandler(hub), hub)
  return {
    hub,
    url,
    userIdOf: (person) => `id-${person}`,
    async signIn(person) {
      const response = new Response()
      const kept = await getIronSession<Kept>(new Request(url), response, options)
      Object.assign(kept, { userId: `id-${person}`, sid: crypto.randomUUID() })
      await kept.save()
      return cookieOf(response.headers, options.cookieName)
    },
    async signOut(cookie) {
      const kept = await getIronSession<Kept>(new Request(url, { headers: { cookie } }), new Response(), options)
      await hub.revoke({ session: kept.sid as string })
      kept.destroy()
    },
    expired: async (person) =>
      `${options.cookieName}=${await sealData({ userId: `id-${person}`, sid: 'old' }, { password: secret, ttl: -3_600 })}`,
  }
}

async function expressSession(): Promise<Application> {
  const store = new session.MemoryStore()
  const hub = await createHub({
    ...rest,
    authenticate: (_, incoming: express.Request): Session | null => {
      const { userId } = incoming.session as { userId?: string }
      return userId === undefined ? null : { userId, sessionId: incoming.sessionID, ...rights }
    },
    sessionCookies: ['connect.sid'],
  })
  const app = express()
  app.use(session({ secret, store, resave: false, saveUninitialized: false }))
  app.post('/sign-in/:name', (request, response, next) => {
    request.session.regenerate((error) => {
      if (error) return next(error)
      Object.assign(request.session, { userId: `id-${request.params.name}` })
      response.sendStatus(204)
    })
  })
  app.post('/sign-out', (request, response) => {
    request.session.destroy(() => response.sendStatus(204))
  })
  // As applications have it; the hub reads what is left of the body.
  app.use(express.json())
  app.use('/', toNodeHandler(hub))
  const url = await listen(app, hub)
  const signIn = async (person: string): Promise<string> => {
    const { headers } = await fetch(`${url}/sign-in/${person}`, { method: 'POST' })
    return cookieOf(headers, 'connect.sid')
  }
  return {
    hub,
    url,
    signIn,
    userIdOf: (person) => `id-${person}`,
    async signOut(cookie) {
      await fetch(`${url}/sign-out`, { method: 'POST', headers: { cookie } })
    },
    async expired(person) {
      const cookie = await signIn(person)
      const { sessions } = store as unknown as { sessions: Record<string, string> }
      const id = Object.keys(sessions).at(-1) as string
      const kept = JSON.parse(sessions[id] as string) as { cookie: { expires: unknown } }
      kept.cookie.expires = new Date(Date.now() - 1_000)
      sessions[id] = JSON.stringify(kept)
      return cookie
    },
  }
}

export const makers: readonly (readonly [string, () => Promise<Application>])[] = [
  ['Auth.js', authJs],
  ['better-auth', betterAuthApp],
  ['iron-session', ironSession],
  ['express-session', expressSession],
]
