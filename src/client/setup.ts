import type { Clock } from '../clock.js'
import { type ConnectionParts, connect } from './engine.js'
import { ClientError } from './error.js'
import type { Input } from './state.js'
import type { Access } from './sse.js'
import type { ClientStatus } from './status.js'

/** Where a cursor is kept between visits. Keys are strings of this library's; what fails is reported, and costs the place. */
export interface CursorStorage {
  get(key: string): string | null | undefined | Promise<string | null | undefined>
  set(key: string, cursor: string): unknown
}

/** Options that make a client load this file. */
export interface SetupOptions {
  /**
   * Who is signed in: tabs of the same hub and identity share one connection (spec C6). Default: the `sub` of the token that
   * `getToken` gives; where there is none, tabs do not share. `null`: never share.
   */
  readonly identity?: string | null
  /**
   * Where the cursor is kept, for each user apart, so that a later visit goes on where this one ended: in this tab, for all
   * tabs of the browser, or in a storage of your own. Default `none`.
   */
  readonly resume?: 'none' | 'tab' | 'browser' | CursorStorage
  /** Logs each transition to the console. */
  readonly debug?: boolean
}

/** What a client has made of its options. */
export interface SetupParts extends SetupOptions, ConnectionParts {}

/** A cursor is written at most this often; leaving the page writes it too. */
const saveEveryMs = 1_000

/**
 * What a client does only where it is asked for, before its first connection: finds who is signed in, goes on where that
 * person stood, and joins the other tabs. Gives the way in for the machine's inputs.
 */
export async function setUp(given: SetupParts): Promise<(input: Input) => void> {
  const { clock, report, observer, getToken } = given
  if (given.debug) {
    const { createDiagnostics } = await import('./diagnostics.js')
    Object.assign(observer, createDiagnostics({ clock, log: (entry) => console.debug('tidings', entry) }))
  }
  const claimed = await subjectNow(getToken)
  const identity = given.identity === undefined ? claimed : given.identity
  const url = new URL(given.url || '/', globalThis.location?.href ?? given.url).href
  const name = `tidings/1 ${JSON.stringify([url, identity])}`
  const storage = storageOf(given.resume)
  const stored = storage && !given.cursor ? await attempt(() => storage.get(name), report) : null
  const cursor = given.cursor || (stored ?? '')
  const saver = storage && createSaver(name, storage, given)
  const parts = saver ? { ...given, show: saver.show } : given

  let send: (input: Input) => void
  if (identity !== null && globalThis.navigator?.locks && globalThis.BroadcastChannel) {
    const { joinTabs } = await import('./tabs.js')
    const fromToken = given.identity === undefined
    /** Inputs that say what is wanted, for the client of the next user. */
    let want: Input | null = null
    const join = (as: string, at: string): ((input: Input) => void) =>
      joinTabs(
        { ...parts, cursor: at },
        {
          name: `tidings/1 ${JSON.stringify([url, as])}`,
          isMine: (token) => !fromToken || subjectOf(token) === as,
          otherUser: () => void restart(),
        },
      )
    /** For whoever is signed in by now, from now on: where the one stood is nothing to the other. */
    const restart = async (): Promise<void> => {
      const next = await subjectNow(getToken)
      inner = next === null ? connect({ ...parts, cursor: '' }) : join(next, '')
      if (want) inner(want)
    }
    let inner = join(identity, cursor)
    send = (input) => {
      if (input.type === 'want') want = input
      inner(input)
    }
  } else send = connect({ ...parts, cursor })
  return (input) => {
    if (input.type === 'close') saver?.stop()
    send(input)
  }
}

/** Who the token of the moment speaks of (`sub`), or null. It is only read, not checked: the hub does that. */
export function subjectOf(token: string | null | undefined): string | null {
  try {
    const payload = token?.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? ''
    const text = new TextDecoder().decode(Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0)))
    const { sub } = JSON.parse(text) as { sub?: unknown }
    return typeof sub === 'string' && sub !== '' ? sub : null
  } catch {
    return null
  }
}

async function subjectNow(getToken: Access['getToken']): Promise<string | null> {
  try {
    return subjectOf(await getToken?.({ refresh: false }))
  } catch {
    // The connection will ask again, and say what is wrong.
    return null
  }
}

function storageOf(resume: SetupOptions['resume'] = 'none'): CursorStorage | null {
  if (typeof resume === 'object') return resume
  if (resume === 'none') return null
  return {
    get: (key) => (resume === 'tab' ? sessionStorage : localStorage).getItem(key),
    set: (key, cursor) => (resume === 'tab' ? sessionStorage : localStorage).setItem(key, cursor),
  }
}

/** Writes the cursor that `show` tells of now and then, and when the page is left; `stop` writes it for the last time. */
function createSaver(key: string, storage: CursorStorage, { clock, show, report }: ConnectionParts) {
  let cursor: string | null = null
  let saved: string | null = null
  const save = (): void => {
    const at = cursor
    if (!at || at === saved) return
    saved = at
    void attempt(() => storage.set(key, at), report)
  }
  const stop = repeat(clock, save)
  globalThis.addEventListener?.('pagehide', save)
  return {
    show(status: ClientStatus): void {
      cursor = status.cursor
      show(status)
    },
    stop(): void {
      save()
      stop()
    },
  }
}

function repeat(clock: Clock, task: () => void): () => void {
  let timer = clock.setTimer(tick, saveEveryMs)
  function tick(): void {
    task()
    timer = clock.setTimer(tick, saveEveryMs)
  }
  return () => timer.cancel()
}

/** A storage that is full, forbidden or broken costs the place, not the client. */
async function attempt<Value>(task: () => Value, report: ConnectionParts['report']): Promise<Awaited<Value> | null> {
  try {
    return await task()
  } catch (cause) {
    report(new ClientError('client', `The cursor could not be kept: ${cause}`, { cause }))
    return null
  }
}
