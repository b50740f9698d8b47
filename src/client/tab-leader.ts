import { type ConnectionParts, connect } from './engine.js'
import { initialState } from './machine.js'
import type { Input, Stream, Wanted } from './state.js'
import { type ClientStatus, describe } from './status.js'
import { isBehind, type LeaderMessage, partsOf, type Told, unionOf } from './tab-messages.js'

/** A message of the leader before it has its place in the row. */
type Unplaced = LeaderMessage extends infer Message
  ? Message extends LeaderMessage
    ? Omit<Message, 'term' | 'n' | 'at'>
    : never
  : never

export interface LeaderParts {
  readonly parts: ConnectionParts
  readonly term: number
  /** Where the connection goes on. */
  readonly cursor: string
  readonly roster: Map<string, Wanted | null>
  /** To the other tabs. */
  readonly post: (message: LeaderMessage) => void
  /** To this one. */
  readonly told: (told: Told, cursor: string) => void
  readonly status: (status: ClientStatus) => void
}

/** The tab that holds the lock: its machine's connection carries what all tabs want, and it tells them what comes. */
export class TabLeader {
  readonly #given: LeaderParts
  #send: (input: Input) => void = () => {}
  #n = 0
  /** All at or below has been told. */
  #at: string
  #status: ClientStatus = describe(initialState())
  #joined: Stream | null = null
  #statusDue = false
  #closed = false

  constructor(given: LeaderParts) {
    this.#given = given
    this.#at = given.cursor
    this.#run()
    this.here()
    this.wantsChanged()
  }

  /** Begins at `#at`, with a connection of its own. */
  #run(): void {
    const { parts } = this.#given
    let send: (input: Input) => void = () => {}
    const tell = (told: Told): void => {
      if (send === this.#send) this.#tell(told)
    }
    send = connect({
      ...parts,
      cursor: this.#at,
      topics: { ...parts.topics, joined: tell, deliver: tell, gap: tell, snapshot: tell, refused: tell },
      report: (error) => tell({ type: 'report', error }),
      show: (next) => {
        if (send === this.#send) this.#changed(next)
      },
    })
    this.#send = send
  }

  send(input: Input): void {
    this.#send(input)
  }

  /** Somebody asks whether anybody leads, or is new here. */
  here(): void {
    const { roster, parts } = this.#given
    const { client } = parts
    this.#post({ type: 'here', roster: [...roster], joined: this.#joined, client, ...withoutObjects(this.#status) })
  }

  /** The roster is another. */
  wantsChanged(): void {
    this.#send({ type: 'want', want: unionOf(this.#given.roster.values()) })
  }

  /** A tab has missed what came after this cursor: it is read again. The other tabs drop what they have had. */
  rewind(cursor: string): void {
    if (!isBehind(cursor, this.#at)) return
    this.#at = cursor
    const before = this.#send
    this.#run()
    before({ type: 'close' })
    this.wantsChanged()
  }

  close(): void {
    this.#closed = true
    this.#send({ type: 'close' })
  }

  #post(message: Unplaced): void {
    this.#given.post({ ...message, term: this.#given.term, n: this.#n, at: this.#at })
  }

  #tell(told: Told): void {
    if (this.#closed) return
    if (told.type === 'joined') this.#joined = told.stream
    if (told.type === 'refused') this.#forget(told.error.topics)
    const error = 'error' in told ? told.error : null
    this.#post({ type: 'told', told: error ? ({ type: told.type } as Told) : told, ...partsOf(error) })
    this.#n++
    if (told.type === 'deliver') this.#at = told.cursor || this.#at
    if (told.type === 'joined') this.#at = told.stream.cursor || this.#at
    this.#given.told(told, this.#at)
  }

  /** Refused topics are nobody's any more, also where a tab sleeps and does not say so itself. */
  #forget(topics: readonly string[]): void {
    const { roster } = this.#given
    for (const [tab, want] of roster) {
      if (want) roster.set(tab, { ...want, topics: want.topics.filter((topic) => !topics.includes(topic)) })
    }
    this.wantsChanged()
  }

  #changed(status: ClientStatus): void {
    this.#status = status
    if (this.#statusDue) return
    this.#statusDue = true
    // After all that this step tells: only then has everything up to its cursor been told.
    queueMicrotask(() => {
      this.#statusDue = false
      if (this.#closed) return
      this.#at = this.#status.cursor || this.#at
      this.#post({ type: 'status', ...withoutObjects(this.#status) })
      this.#given.status(this.#status)
    })
  }
}

/** Each tab has its own last event, and errors go apart. */
function withoutObjects(status: ClientStatus) {
  return { status: { ...status, lastEvent: null, error: null }, ...partsOf(status.error) }
}
