import type { Clock, Timer } from '../clock.js'
import { TidingsError } from '../errors.js'
import { type Random, randomToken } from '../random.js'
import type { Following, Store } from '../store/store.js'
import type { StorePresence } from './store-presence.js'

export interface NodesParts {
  readonly store: Store
  readonly presence: StorePresence
  readonly clock: Clock
  readonly random: Random
  readonly onError: (error: unknown, stage: string) => void
}

/** One thing said. A `kind` that this version does not know is ignored (H9). */
interface Message {
  readonly from: string
  readonly kind: string
  readonly body?: unknown
  /** To be answered under this id. */
  readonly ask?: string
  /** Answers what was asked under this id; nobody else minds. */
  readonly answers?: string
}

/** What the other nodes answered. */
export interface Answers {
  readonly answers: readonly unknown[]
  /** Nodes that were heard lately and did not answer in time. */
  readonly missing: readonly string[]
}

/** Answers a word of this kind, or only takes note of it. */
export type Hearing = (body: unknown, from: string) => unknown

/** No application can name it: "*" is in no legal name. */
export const hubNamespace = '*hub'

const beatMs = 1_000
/** A node that was silent for this long is gone. */
const goneMs = 5_000
/** A5: everything reaches every node within a second. */
const answerMs = 900

/**
 * The other hubs on the same store: who they are, and what they say to each other beside events. Every node follows one
 * namespace of the hub's own, whether or not it has readers. Where the store has one owner there are no others.
 */
export class Nodes {
  readonly id: string
  readonly #parts: NodesParts
  readonly #hearings = new Map<string, Hearing>()
  /** When each was last heard. */
  readonly #heardMs = new Map<string, number>()
  readonly #asked = new Map<string, { readonly waitFor: Set<string>; readonly answers: unknown[]; done(): void }>()
  readonly #missed: () => void
  #following: Following | null = null
  #starting: Promise<void> | null = null
  #interrupted = false
  #beat: Timer | null = null
  #closed = false

  /** `missed` is called when words may have been missed and words are heard again. */
  constructor(parts: NodesParts, missed: () => void) {
    this.#parts = parts
    this.#missed = missed
    this.id = randomToken(parts.random, 12)
    this.on('here', (_, from) => void this.#heardMs.set(from, parts.clock.monotonic()))
    this.on('who', () => this.#say({ kind: 'here' }))
    this.on('gone', (_, from) => this.#left(from))
  }

  /** Those that were heard within the last seconds, without this one. */
  get others(): readonly string[] {
    return [...this.#heardMs.keys()]
  }

  on(kind: string, hearing: Hearing): void {
    this.#hearings.set(kind, hearing)
  }

  /** Begins to hear the others; where the store is away, nothing comes of it: call it again when it is back. */
  start(): Promise<void> {
    if (!this.#parts.store.others || this.#following || this.#closed) return Promise.resolve()
    this.#starting ??= this.#follow().finally(() => {
      this.#starting = null
    })
    return this.#starting
  }

  /** Says it to all others. Rejects where the store is away. */
  async tell(kind: string, body?: unknown): Promise<void> {
    await this.#send({ kind, body })
  }

  /** Says it and collects what the others answer, for less than a second. Rejects where the store is away. */
  async ask(kind: string, body?: unknown): Promise<Answers> {
    const { store, clock, random } = this.#parts
    if (!store.others) return { answers: [], missing: [] }
    const ask = randomToken(random, 12)
    const waitFor = new Set(this.others)
    const answers: unknown[] = []
    let done = (): void => undefined
    const all = new Promise<void>((resolve) => {
      done = resolve
    })
    const timer = clock.setTimer(done, answerMs)
    this.#asked.set(ask, { waitFor, answers, done })
    try {
      await this.#send({ kind, body, ask })
      if (waitFor.size > 0) await all
    } finally {
      timer.cancel()
      this.#asked.delete(ask)
    }
    return { answers, missing: [...waitFor] }
  }

  /** The same; where the store is away nobody answers. */
  async askWhileThere(kind: string, body?: unknown): Promise<Answers> {
    return this.#parts.presence.available ? await this.ask(kind, body) : { answers: [], missing: this.others }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#beat?.cancel()
    if (this.#following && this.#parts.presence.available) this.#say({ kind: 'gone' })
    this.#following?.close()
    for (const { done } of this.#asked.values()) done()
  }

  async #follow(): Promise<void> {
    const { store, presence, onError } = this.#parts
    try {
      const following = await store.follow(hubNamespace, {
        announced: () => undefined,
        interrupted: () => {
          this.#interrupted = true
        },
        probed: () => {
          if (!this.#interrupted) return
          this.#interrupted = false
          this.#missed()
        },
        told: (text) => this.#told(text),
      })
      if (this.#closed) return following.close()
      this.#following = following
      this.#say({ kind: 'who' })
      this.#turn()
    } catch (error) {
      if (!presence.explains(error)) onError(error, 'nodes')
    }
  }

  #turn(): void {
    const { clock, presence } = this.#parts
    const nowMs = clock.monotonic()
    for (const [node, heardMs] of this.#heardMs) if (nowMs - heardMs >= goneMs) this.#left(node)
    if (presence.available) this.#say({ kind: 'here' })
    this.#beat = clock.setTimer(() => this.#turn(), beatMs)
  }

  #left(node: string): void {
    this.#heardMs.delete(node)
    for (const { waitFor, done } of this.#asked.values()) if (waitFor.delete(node) && waitFor.size === 0) done()
  }

  #told(text: string): void {
    const { clock, onError } = this.#parts
    try {
      const message = decode(text)
      if (!message || this.#closed) return
      const { from, kind, body, ask, answers } = message
      if (answers !== undefined) return this.#answered(answers, from, body)
      if (kind !== 'gone') this.#heardMs.set(from, clock.monotonic())
      const hearing = this.#hearings.get(kind)
      if (!hearing) return
      const answer = hearing(body, from)
      if (ask !== undefined) this.#say({ kind, body: answer, answers: ask })
    } catch (error) {
      onError(error, 'nodes')
    }
  }

  #answered(ask: string, from: string, body: unknown): void {
    const asked = this.#asked.get(ask)
    if (!asked) return
    // One that was not known yet answers too.
    asked.waitFor.delete(from)
    asked.answers.push(body)
    if (asked.waitFor.size === 0) asked.done()
  }

  #say(message: Omit<Message, 'from'>): void {
    const { presence, onError } = this.#parts
    this.#send(message).catch((error: unknown) => {
      if (!presence.explains(error)) onError(error, 'nodes')
    })
  }

  async #send(message: Omit<Message, 'from'>): Promise<void> {
    await this.#parts.store.others?.tell(hubNamespace, JSON.stringify({ ...message, from: this.id }))
  }
}

/** Null: of a newer version. Throws `internal` where it is no JSON at all. */
function decode(text: string): Message | null {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch (cause) {
    throw new TidingsError('internal', 'Another node said what is no JSON.', { cause })
  }
  if (typeof message !== 'object' || message === null) return null
  const { from, kind } = message as Partial<Message>
  return typeof from === 'string' && typeof kind === 'string' ? (message as Message) : null
}
