import type { TidingsEvent } from '../protocol/event.js'
import type { PollBody } from '../protocol/poll.js'
import { backoffMs } from './backoff.js'
import type { ConnectionParts } from './engine.js'
import { ClientError } from './error.js'
import type { Wanted } from './state.js'
import type { ClientStatus, Readable } from './status.js'
import type { BeginEarlier, createTopics, Handlers, SubscribeOptions, Topics } from './topics.js'

/** What a subscription with history needs of its client. */
export interface HistoryPort extends ConnectionParts {
  readonly status: Readable<ClientStatus>
}

/** As many events of the stream are kept while a poll is under way; where more come, it is made again. */
const withheldEvents = 1_000

/** What makes subscriptions begin earlier than their client stands (spec C1). */
export const readHistory =
  (port: HistoryPort): BeginEarlier =>
  (create, topic, handlers, options) => {
    const history = new History(port, create, topic, handlers, options)
    return () => history.end()
  }

/**
 * A subscription that begins before the place where its client stands. Polls for its topic alone bring what was, from its
 * own position on, until one is answered that was sent while the stream carried the topic: what the stream told before that
 * poll is in its answer, what it tells meanwhile is withheld and handed on after it. Whatever breaks the row of the stream, a gap
 * or a stream without the topic, begins this anew from the same position. Order and once are kept as for every subscription
 * (D1, D3, D4), by `Topics` of its own.
 */
class History {
  readonly #port: HistoryPort
  readonly #topic: string
  readonly #since: string
  readonly #request: Wanted
  readonly #own: Topics
  readonly #leave: readonly (() => void)[]
  /** Where this subscription stands; empty before the first answer. */
  #cursor = ''
  /** The stream goes on where this subscription stands. */
  #whole = false
  /** The stream that is up brings the topic. */
  #carried = false
  #connected = false
  /** The polls that are under way. */
  #polls: AbortController | null = null
  /** What the stream told since the last poll was sent; null: not all of it is here. */
  #withheld: TidingsEvent[] | null = null

  constructor(
    port: HistoryPort,
    create: typeof createTopics,
    topic: string,
    handlers: Handlers,
    { since = 'now', ...options }: SubscribeOptions,
  ) {
    this.#port = port
    this.#topic = topic
    this.#since = since
    this.#request = { topics: [topic], own: false }
    this.#own = create(port.report, () => {}, port.observer, readHistory(port))
    this.#leave = [
      this.#own.add(topic, handlers, options),
      port.status.subscribe(() => this.#statusChanged()),
      port.topics.add(
        topic,
        { '*': (event) => this.#hear(event) },
        {
          onJoin: (request, atCursor) => this.#joined(request.topics.includes(topic), atCursor),
          onGap: () => this.#interrupted(),
          onError: (error) => this.#refused(error),
        },
      ),
    ]
  }

  end(): void {
    this.#stopPolls()
    for (const leave of this.#leave) leave()
  }

  #joined(carried: boolean, atCursor: boolean): void {
    this.#carried = carried
    if (carried && atCursor) this.#catchUp()
    else this.#interrupted()
  }

  #interrupted(): void {
    this.#whole = false
    this.#withheld = null
    this.#catchUp()
  }

  /** Without a connection nothing is polled either: the next one begins with what is missing. */
  #statusChanged(): void {
    const { status, connectionId } = this.#port.status.getSnapshot()
    const lost = this.#connected && connectionId === null
    this.#connected = connectionId !== null
    if (status === 'closed') this.end()
    else if (lost) this.#stopPolls()
  }

  #stopPolls(): void {
    this.#carried = false
    this.#polls?.abort()
    this.#polls = null
  }

  #hear(event: TidingsEvent): void {
    if (this.#whole || event.seq === undefined) this.#handOn(event)
    else if (this.#withheld && this.#withheld.push(event) > withheldEvents) this.#withheld = null
  }

  #handOn(event: TidingsEvent): void {
    const { seq } = event
    const [epoch, polledTo] = partsOf(this.#cursor)
    // A stream may be behind the polls: what they covered was handed on, or was before `since`.
    if (seq !== undefined && seq <= polledTo) return
    if (seq !== undefined) this.#cursor = `${epoch}.${seq}`
    this.#own.deliver({ type: 'deliver', event, cursor: this.#cursor, request: this.#request })
  }

  #catchUp(): void {
    if (this.#polls || this.#whole || !this.#carried) return
    const polls = new AbortController()
    this.#polls = polls
    void this.#run(polls.signal).finally(() => {
      if (this.#polls === polls) this.#polls = null
    })
  }

  /** Polls until the stream goes on where this subscription stands. */
  async #run(signal: AbortSignal): Promise<void> {
    const { poll, wait } = await import('./poll.js')
    let refresh = false
    for (let failures = 0; this.#carried && !this.#whole; ) {
      this.#withheld = []
      const where = { request: this.#request, cursor: this.#cursor }
      const since = this.#cursor ? {} : { since: this.#since }
      const answer = await poll(this.#port, where, refresh, since, signal).catch(() => null)
      if (signal.aborted) return
      if (answer && 'body' in answer) {
        failures = 0
        refresh = false
        this.#take(answer.body)
        if (answer.body.upToDate) this.#join()
      } else if (answer?.status === 204) {
        // All that there was of an ended job is here. Should its topic begin again, the stream tells.
        return this.#join()
      } else if (answer?.status === 401 && !refresh) refresh = true
      else {
        const error = answer?.error ?? new ClientError('connection', `The history of "${this.#topic}" cannot be read.`)
        if (error.kind === 'validation' || answer?.status === 403) return this.#refused(error)
        this.#port.report(error)
        refresh = false
        const { clock, random } = this.#port
        const pauseMs = backoffMs(failures++, 0, random.fraction()) + (answer?.retryAfterMs ?? 0)
        await wait(clock, pauseMs, signal).catch(() => {})
      }
    }
  }

  #take({ gaps = [], snapshots = [], events, cursor }: PollBody): void {
    for (const notice of gaps) this.#own.gap({ type: 'gap', notice })
    for (const notice of snapshots) this.#own.snapshot({ type: 'snapshot', notice })
    // The events of an answer are of its epoch (P8.8).
    const [epoch] = partsOf(cursor)
    for (const event of events) {
      this.#own.deliver({ type: 'deliver', event, cursor: `${epoch}.${event.seq}`, request: this.#request })
    }
    this.#cursor = cursor
  }

  #join(): void {
    if (!this.#withheld) return
    this.#whole = true
    for (const event of this.#withheld) this.#handOn(event)
    this.#withheld = null
  }

  #refused({ kind, message, code, cause }: ClientError): void {
    const error = new ClientError(kind, message, { code, cause, topics: [this.#topic] })
    this.#own.refused({ type: 'refused', error })
    this.end()
  }
}

/** The epoch of a cursor and the number within it; nothing comes before the number of none. */
function partsOf(cursor: string): [epoch: string, seq: number] {
  const dot = cursor.lastIndexOf('.')
  return [cursor.slice(0, dot), Number(cursor.slice(dot + 1))]
}
