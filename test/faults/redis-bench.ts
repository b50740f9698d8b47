import { onTestFinished } from 'vitest'
import { createHub, type Hub, type HubOptions } from '#src/index.js'
import { redisStore, type RedisStoreOptions } from '#src/store/redis.js'
import type { Store } from '#src/store/store.js'
import { type RedisProxy, redisProxy } from '../fixtures/redis-proxy.js'

/** Enough for any of these tests: the auditor needs the whole log. */
export const retention = { events: 1_000_000, bytes: 2 ** 40 }

export function storeOn(url: string, options: Partial<RedisStoreOptions> = {}): Store {
  return redisStore({ url, retention, ...options } as RedisStoreOptions)
}

/** An open store, closed at the end of the test. */
export async function openStore(url: string, options: Partial<RedisStoreOptions> = {}): Promise<Store> {
  const store = storeOn(url, options)
  await store.open()
  onTestFinished(() => store.close())
  return store
}

/** A hub on a store, whose every caller may do everything. It closes the store. Failures that no caller hears are kept. */
export async function openHub(
  store: Store,
  options: Partial<HubOptions> = {},
): Promise<{ readonly hub: Hub; readonly errors: unknown[] }> {
  const errors: unknown[] = []
  const session = { userId: 'root', subscribe: ['*'], publish: ['*'] }
  const hub = await createHub({
    authenticate: () => session,
    onError: (error) => errors.push(error),
    ...options,
    store,
  })
  onTestFinished(() => hub.close({ drainMs: 0 }))
  return { hub, errors }
}

/** One request to a hub: the status, and the body as JSON. */
export async function ask(hub: Hub, path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST') {
  const request = new Request(`http://hub.test${path}`, {
    method,
    headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const response = await hub.fetch(request)
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) }
}

export async function proxyTo(port: number): Promise<RedisProxy> {
  const proxy = await redisProxy(port)
  onTestFinished(() => proxy.close())
  return proxy
}

/** Resolves when it is true, or throws after `timeoutMs` with what was waited for. For what tells nobody of its changes. */
export async function eventually(
  what: string,
  reached: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await reached())) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Resolves when the store says that it can, or can no longer, be reached. */
export async function untilAvailable(store: Store, available = true): Promise<void> {
  await eventually(`the store ${available ? 'is back' : 'is away'}`, () => store.availability?.available === available)
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
