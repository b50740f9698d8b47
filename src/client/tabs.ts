import type { ConnectionParts } from './engine.js'
import { initialState } from './machine.js'
import { same } from './same.js'
import type { Input, Wanted } from './state.js'
import { type ClientStatus, describe } from './status.js'
import { errorOf, isBehind, type LeaderMessage, type TabMessage, type Told } from './tab-messages.js'
import { TabLeader } from './tab-leader.js'
import { TabLock } from './tab-lock.js'

/** A visible tab looks this often whether it has heard from the leader. */
const lookEveryMs = 500
/** After a silence of this long it asks. */
const askAfterMs = 1_000
/** Where no answer came within this, 2 s of silence in all, the leader is taken for gone (spec C6). */
const answerWithinMs = 1_000

export interface TabsOptions {
  /** Same for all that may share: made of the hub's address and who is signed in. */
  readonly name: string
  /** Whether a token is of the person that these tabs belong to. */
  readonly isMine: (token: string | null | undefined) => boolean
  /** Somebody else is signed in here by now: this tab has left the others. */
  readonly otherUser: () => void
}

/**
 * Tabs of one person share one connection (spec C6). Each is a member: it says what it wants over a channel, and hears
 * what the one tab that holds the lock is told by the hub. Whoever gets the lock next goes on from the last cursor it saw.
 */
export function joinTabs(parts: ConnectionParts, options: TabsOptions): (input: Input) => void {
  const tab = new Tab(parts, options)
  return (input) => tab.send(input)
}

class OtherUser extends Error {}

class Tab {
  readonly #parts: ConnectionParts
  readonly #options: TabsOptions
  readonly #id: string
  readonly #lock: TabLock
  readonly #roster = new Map<string, Wanted | null>()
  #channel: BroadcastChannel | null = null
  #leader: TabLeader | null = null
  /** What the client wants; null too after `disconnect()`. */
  #want: Wanted | null = null
  #enabled = true
  /** The row of the leader's messages that this tab has heard. */
  #term = 0
  #n = 0
  #own: string
  /** Something was missed; until the leader has gone back to `#own`, nothing it tells is in order. */
  #stale = false
  #heardAt: number
  /** When the question was asked that is not answered yet. */
  #askedAt: number | null = null
  /** It has been begun anew. */
  #askedAnew = false
  #lookedAt = 0
  #client: string
  #status: ClientStatus
  /** Left for good: a page that wakes up does not bring it back. */
  readonly #over = new AbortController()

  constructor(parts: ConnectionParts, options: TabsOptions) {
    this.#parts = parts
    this.#options = options
    this.#id = parts.random.bytes(16).join('-')
    this.#own = parts.cursor ?? ''
    this.#client = parts.client
    this.#status = describe(initialState())
    this.#heardAt = parts.clock.monotonic()
    this.#lock = new TabLock(options.name, this.#id, {
      lead: () => this.#lead(),
      resign: () => this.#resign(),
    })
    globalThis.document?.addEventListener('freeze', () => this.send({ type: 'frozen' }), this.#over)
    globalThis.document?.addEventListener('resume', () => this.send({ type: 'resumed' }), this.#over)
    void this.#enter()
  }

  send(input: Input): void {
    switch (input.type) {
      case 'want':
        this.#want = input.want
        return this.#wantsChanged()
      case 'disconnect':
        this.#enabled = false
        this.#wantsChanged()
        return this.#show({ ...this.#status, status: 'idle', transport: null, connectionId: null, error: null })
      case 'connect':
      case 'reconnect':
        this.#enabled = true
        this.#wantsChanged()
        return void this.#check().then((same) => same && this.#forward(input))
      case 'close':
        this.#over.abort()
        this.#leave()
        return this.#show({ ...this.#status, status: 'closed', transport: null, connectionId: null })
      case 'frozen':
        return this.#leave()
      case 'resumed':
        if (!this.#channel) return void this.#enter()
        return this.#forward(input)
      case 'visible':
        void this.#check()
        this.#askedAt = null
        this.#look()
    }
    if (input.type === 'transport') this.#forward(input)
    else this.#leader?.send(input)
  }

  #forward(input: Input): void {
    if (this.#leader) this.#leader.send(input)
    else this.#post({ type: 'do', input })
  }

  /* Coming and going. */

  async #enter(): Promise<void> {
    const channel = new BroadcastChannel(this.#options.name)
    this.#channel = channel
    this.#roster.clear()
    channel.onmessage = ({ data }) => this.#hear(data as TabMessage)
    // The lock of this tab comes first: by it the leader knows that the tab is there.
    await this.#lock.enter()
    if (this.#channel !== channel) return
    this.#wantsChanged()
    this.#post({ type: 'ask' })
    this.#lock.queue()
    this.#heardAt = this.#parts.clock.monotonic()
    this.#lookSoon(channel)
  }

  #leave(): void {
    this.#post({ type: 'leave', tab: this.#id })
    this.#channel?.close()
    this.#channel = null
    this.#resign()
    this.#lock.leave()
  }

  #lead(): void {
    if (!this.#channel || this.#leader) return
    const parts = this.#parts
    const { clock } = parts
    // By the clock, so that also a tab that knows of no leader comes after those that were.
    this.#term = Math.max(this.#term + 1, clock.now())
    this.#stale = false
    this.#roster.set(this.#id, this.#wanted())
    const getToken =
      parts.getToken && (async (asked: { refresh: boolean }) => this.#checked(await parts.getToken?.(asked)))
    this.#leader = new TabLeader({
      parts: { ...parts, getToken, client: this.#client, fetch: this.#lock.guard(parts) },
      term: this.#term,
      cursor: this.#own,
      roster: this.#roster,
      post: (message) => this.#post(message),
      told: (told, cursor) => {
        this.#own = cursor
        this.#take(told)
      },
      status: (status) => this.#show({ ...status, lastEvent: this.#status.lastEvent }),
    })
    for (const tab of this.#roster.keys()) this.#watch(tab)
    void this.#check()
  }

  #resign(): void {
    this.#leader?.close()
    this.#leader = null
  }

  /** The leader lets go of what a tab wanted when that tab is no more. */
  #watch(tab: string): void {
    if (tab === this.#id) return
    this.#lock.whenGone(tab, () => {
      this.#roster.delete(tab)
      this.#leader?.wantsChanged()
    })
  }

  /** Somebody else signed in here: nothing of the one is for the other. A token that cannot be had proves nothing. */
  async #check(): Promise<boolean> {
    try {
      this.#checked(await this.#parts.getToken?.({ refresh: false }))
    } catch (error) {
      if (error instanceof OtherUser) return false
    }
    return true
  }

  #checked<Token extends string | null | undefined>(token: Token): Token {
    if (this.#options.isMine(token)) return token
    if (this.#channel) {
      this.#over.abort()
      this.#leave()
      this.#options.otherUser()
    }
    throw new OtherUser('Somebody else is signed in.')
  }

  /* What tabs say. */

  #wanted(): Wanted | null {
    return this.#enabled ? this.#want : null
  }

  #wantsChanged(rewind?: string): void {
    const want = this.#wanted()
    this.#roster.set(this.#id, want)
    if (this.#leader) this.#leader.wantsChanged()
    else this.#post({ type: 'want', tab: this.#id, want, ...(rewind !== undefined && { rewind }) })
  }

  #post(message: TabMessage): void {
    this.#channel?.postMessage(message)
  }

  #hear(message: TabMessage): void {
    const leader = this.#leader
    if (message.type === 'want') {
      const isNew = !this.#roster.has(message.tab)
      this.#roster.set(message.tab, message.want)
      if (!leader) return
      if (isNew) this.#watch(message.tab)
      leader.wantsChanged()
      if (message.rewind !== undefined) leader.rewind(message.rewind)
    } else if (message.type === 'leave') {
      this.#roster.delete(message.tab)
      leader?.wantsChanged()
    } else if (message.type === 'ask') leader?.here()
    else if (message.type === 'do') leader?.send(message.input)
    else if (!leader) this.#hearLeader(message)
    // Whoever leads after this tab has the lock: this one slept, and has lost it.
    else if (message.term > this.#term) this.#lock.lost()
  }

  #hearLeader(message: LeaderMessage): void {
    const { term, n, at } = message
    // Of a leader that has lost its lock and does not know it yet.
    if (term < this.#term) return
    this.#heardAt = this.#parts.clock.monotonic()
    this.#askedAt = null
    const isNew = term !== this.#term
    const isNext = !isNew && n === this.#n
    const missed = !isNext && isBehind(this.#own, at)
    this.#term = term
    this.#n = n
    if (isNew) void this.#check()
    if (missed && !this.#stale) {
      this.#stale = true
      this.#wantsChanged(this.#own)
    }
    if (message.type === 'told') return this.#hearTold(message)
    if (!this.#stale) this.#own = at || this.#own
    if (message.type === 'here') this.#hearHere(message, isNew)
    if (!this.#enabled) return
    this.#show({ ...message.status, error: errorOf(message.error), lastEvent: this.#status.lastEvent })
  }

  #hearTold({ told, error, at }: Extract<LeaderMessage, { type: 'told' }>): void {
    this.#n++
    const cursor = told.type === 'joined' ? told.stream.cursor : told.type === 'deliver' ? told.cursor : ''
    if (this.#stale && (told.type !== 'joined' || isBehind(this.#own, cursor))) return
    this.#stale = false
    this.#own = cursor || at || this.#own
    this.#take(error ? ({ ...told, error: errorOf(error) } as Told) : told)
  }

  #hearHere({ roster, joined, client, at }: Extract<LeaderMessage, { type: 'here' }>, isNew: boolean): void {
    this.#client = client
    for (const [tab, want] of roster) if (!this.#roster.has(tab)) this.#roster.set(tab, want)
    const mine = this.#wanted()
    const known = roster.find(([tab]) => tab === this.#id)?.[1] ?? null
    const isKnown = mine && known ? same(mine, known) : mine === known
    if (this.#stale) this.#wantsChanged(this.#own)
    else if (!isKnown) this.#wantsChanged()
    if (isNew && joined && !this.#stale) this.#take({ type: 'joined', stream: { ...joined, cursor: at } })
  }

  #take(told: Told): void {
    const want = this.#wanted()
    if (!want) return
    if (told.type === 'report') return this.#parts.report(told.error)
    if (told.type === 'deliver') {
      const { event } = told
      const mine = (event.topics ?? [event.topic]).some((topic) => want.topics.includes(topic))
      if (mine || want.own) this.#status = { ...this.#status, lastEvent: event }
    }
    this.#parts.topics[told.type](told as never)
  }

  #show(status: ClientStatus): void {
    this.#status = { ...status, cursor: this.#own || null }
    this.#parts.show(this.#status)
  }

  /* Whether anybody leads. */

  #lookSoon(channel: BroadcastChannel): void {
    this.#parts.clock.setTimer(() => {
      if (this.#channel !== channel) return
      this.#look()
      this.#lookSoon(channel)
    }, lookEveryMs)
  }

  #look(): void {
    const at = this.#parts.clock.monotonic()
    // With all of its machine, perhaps: then the silence is not the leader's.
    const stoodStill = at - this.#lookedAt > 2 * lookEveryMs
    this.#lookedAt = at
    const hidden = globalThis.document?.hidden === true
    if (this.#leader || !this.#channel || hidden) return
    if (at - this.#heardAt < askAfterMs) return
    if (this.#askedAt === null || (stoodStill && !this.#askedAnew)) {
      this.#askedAnew = this.#askedAt !== null
      this.#askedAt = at
    } else if (at - this.#askedAt >= answerWithinMs) {
      this.#askedAt = null
      return this.#lock.steal()
    }
    this.#post({ type: 'ask' })
  }
}
