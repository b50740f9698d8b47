import type { GapReason } from '#src/protocol/control.js'
import { parseCursor } from '#src/protocol/cursor.js'
import { encodeSse } from '#src/protocol/sse-encode.js'
import type { Job } from '#src/protocol/job.js'
import type { Random } from '#src/random.js'
import type { FakeClock } from '#src/testing/fake-clock.js'
import { envelopeFor, type Fault, type Logged } from './fake-network.js'
import { FakePolls, late } from './fake-polls.js'

const encoder = new TextEncoder()
const heartbeatMs = 25_000
/** A client that asks more often in one test asks without end: it is no longer answered, so that it is found out. */
const mostRequests = 20_000

/**
 * A hub in memory that speaks the protocol to one client through its `fetch`, and the network between them, which does what
 * the test or the seed says. Its log is the truth that readers are compared with.
 */
export class FakeHub {
  epoch = 'e1'
  log: Logged[] = []
  /** Before this number nothing is kept. */
  keptFrom = 1
  readonly jobs = new Map<string, Job>()
  /** Requests to `/events`, in order. */
  readonly requests: {
    topics: string[]
    own: boolean
    cursor: string | null
    since: string | null
    token: string | null
    client: string | null
    poll: boolean
  }[] = []
  ownTopics: string[] = []
  forbidden = new Set<string>()
  /** Asked for each stream and each poll. */
  fault: (transport: 'sse' | 'poll') => Fault = () => ({})
  /** A proxy holds back streams, the headers too; polls pass. What it holds comes when the stream ends. */
  buffering = false
  /** A proxy cuts answers that are held longer than this. */
  heldMs = Number.POSITIVE_INFINITY
  retryAfterMs = 0
  /** How often each kind of trouble befell a request, so that a test can tell that it did. */
  readonly met = new Map<string, number>()
  #answered = 0
  readonly #clock: FakeClock
  readonly #random: Random
  readonly #streams = new Set<FakeStream>()
  readonly #polls: FakePolls
  #seq = 0
  #ids = 0

  constructor(clock: FakeClock, random: Random) {
    this.#clock = clock
    this.#random = random
    this.#polls = new FakePolls(this, clock)
  }

  get open(): number {
    return this.#streams.size + this.#polls.held
  }

  get head(): string {
    return `${this.epoch}.${this.#seq}`
  }

  publish(topics: string | readonly string[], type = 'x', data: unknown = null): Logged {
    const [first = '', ...more] = typeof topics === 'string' ? [topics] : topics
    const all = [first, ...more]
    const event: Logged = {
      id: `id-${++this.#ids}`,
      type,
      topic: first,
      ...(more.length > 0 && { topics: all }),
      seq: ++this.#seq,
      timestamp: this.#clock.now(),
      priority: 'normal',
      source: 'fake',
      version: 1,
      data,
    }
    this.log.push(event)
    for (const stream of this.#streams) stream.event(event, `${this.epoch}.${event.seq}`)
    this.#polls.published()
    return event
  }

  /** A volatile event goes to live streams only. */
  whisper(topic: string): void {
    const event = { ...this.publish(topic), volatile: true as const }
    this.log.pop()
    const { seq: _, ...rest } = event
    for (const stream of this.#streams) stream.event(rest as unknown as Logged, null)
  }

  say(event: string, data: unknown, id?: string): void {
    for (const stream of this.#streams) stream.write(encodeSse({ event, id, data: JSON.stringify(data) }))
  }

  ping(): void {
    this.say('ping', { cursor: this.head, degraded: false }, this.head)
  }

  /** Ends every stream. */
  cut(): void {
    for (const stream of [...this.#streams]) stream.end('error')
    this.#polls.cut()
  }

  /** Another history: what was kept is gone, numbers start anew. */
  restartEmpty(): void {
    this.cut()
    this.epoch = `e${this.#ids + 2}`
    this.#seq = 0
    this.keptFrom = 1
    this.log = []
  }

  /** No stream that is open says anything any more, and none of them ends. */
  fallSilent(): void {
    for (const stream of this.#streams) stream.mute()
  }

  meet(trouble: string): void {
    this.met.set(trouble, (this.met.get(trouble) ?? 0) + 1)
  }

  /** A copy was restored as a history of its own: the same events, under other cursors. */
  restartFromCopy(): void {
    this.cut()
    this.epoch = `c${this.#ids + 2}`
  }

  fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(String(input))
    const signal = init?.signal ?? new AbortController().signal
    signal.throwIfAborted()
    const headers = new Headers(init?.headers)
    if (url.pathname.startsWith('/jobs/')) {
      const job = this.jobs.get(decodeURIComponent(url.pathname.slice('/jobs/'.length)))
      const fault = this.fault('poll')
      if (fault.refuse) throw new TypeError('fetch failed')
      return job ? Response.json({ ...job, cursor: this.head }) : new Response(null, { status: 404 })
    }
    const poll = headers.get('Accept')?.startsWith('application/json') ?? false
    const given = this.fault(poll ? 'poll' : 'sse')
    const topics = url.searchParams.getAll('topic')
    const own = url.searchParams.get('own') === '1'
    const cursor = headers.get('Last-Event-ID')
    const client = url.searchParams.get('client')
    const since = url.searchParams.get('since')
    // No hub says to a poll that there is nothing more where there is (P5.16).
    const lies = given.refuse === 204 && poll && this.#hasMore(topics, cursor ?? since)
    const fault: Fault = lies ? { refuse: 503 } : given
    if (this.requests.length > mostRequests) throw new TypeError('fetch failed')
    this.requests.push({
      topics,
      own,
      cursor,
      since,
      token: headers.get('Authorization'),
      client,
      poll,
    })
    const number = this.requests.length
    this.#count(fault)
    if (fault.lateMs) await late(this.#clock, poll ? fault.lateMs / 2 : fault.lateMs, signal)
    if (this.buffering && !poll) {
      this.meet('held back')
      await late(this.#clock, 3_600_000, signal)
    }
    if (!poll && number < this.#answered) this.meet('a stream answered after a later request')
    this.#answered = Math.max(this.#answered, number)
    if (fault.refuse === 'network') throw new TypeError('fetch failed')
    if (fault.refuse === 'portal') return new Response('<h1>Welcome</h1>', { headers: { 'Content-Type': 'text/html' } })
    if (fault.refuse === 'silence') {
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    if (fault.refuse === 204) return new Response(null, { status: 204 })
    if (fault.refuse) return this.#problem(fault.refuse, 'internal')
    const wrong = topics.filter((topic) => this.forbidden.has(topic))
    if (wrong.length > 0) this.meet('403')
    if (wrong.length > 0) return this.#problem(403, 'forbidden', wrong)
    signal.throwIfAborted()
    const all = [...topics, ...(own ? this.ownTopics : [])]
    if (!poll) return this.#stream(all, cursor, fault, signal)
    const waitMs = Number(url.searchParams.get('wait')) * 1_000
    return this.#polls.answer({ topics: all, cursor, since, fault, signal, waitMs: cursor ? waitMs : 0 })
  }

  #count({ refuse, lateMs, twice }: Fault): void {
    if (refuse) this.meet(`${refuse}`)
    if (lateMs) this.meet('late')
    if (twice && !refuse) this.meet('twice')
  }

  /** Where a reader with this cursor goes on, and whether something is missing before. */
  start(cursor: string | null): { after: number; gap: GapReason | null } {
    if (cursor === 'start') return { gap: null, after: this.keptFrom - 1 }
    const from = cursor === null ? null : parseCursor(cursor)
    const gap = cursor === null ? null : this.#gap(from)
    return { gap, after: gap ? this.keptFrom - 1 : (from?.seq ?? this.#seq) }
  }

  #hasMore(topics: readonly string[], from: string | null): boolean {
    const { after } = this.start(from)
    const wanted = new Set(topics)
    return this.log.some((event) => event.seq > after && envelopeFor(event, wanted) !== null)
  }

  #problem(status: number, code: string, topics?: string[]): Response {
    const headers: Record<string, string> = { 'Content-Type': 'application/problem+json' }
    if (this.retryAfterMs) headers['Retry-After'] = String(Math.ceil(this.retryAfterMs / 1_000))
    return new Response(JSON.stringify({ code, status, detail: `refused ${status}`, topics }), { status, headers })
  }

  #stream(topics: string[], cursor: string | null, fault: Fault, signal: AbortSignal): Response {
    const stream = new FakeStream(
      topics,
      fault,
      this.#random,
      () => this.#streams.delete(stream),
      (ending) => this.meet(`stream: ${ending}`),
    )
    signal.addEventListener('abort', () => stream.end('error'))
    this.#streams.add(stream)
    const { after, gap } = this.start(cursor)
    const at = `${this.epoch}.${after}`
    const hello = { connectionId: `c${this.requests.length}`, cursor: at, resumed: cursor !== null && !gap, topics }
    const more = { heartbeatMs, protocol: 1, degraded: false }
    stream.write(encodeSse({ retryMs: 2_000 }))
    stream.write(encodeSse({ event: 'hello', id: at, data: JSON.stringify({ ...hello, ...more }) }))
    stream.write(encodeSse({ comment: '' }))
    if (gap) stream.write(encodeSse({ event: 'gap', data: JSON.stringify({ reason: gap, cursor: at }) }))
    if (gap || cursor === null) {
      for (const topic of topics) {
        const job = topic.startsWith('job:') && this.jobs.get(topic.slice(4))
        if (job) stream.write(encodeSse({ event: 'snapshot', data: JSON.stringify({ job, cursor: this.head }) }))
      }
    }
    for (const event of this.log) if (event.seq > after) stream.event(event, `${this.epoch}.${event.seq}`)
    return new Response(stream.body, { headers: { 'Content-Type': 'text/event-stream; charset=utf-8' } })
  }

  #gap(from: { epoch: string; seq: number } | null): GapReason | null {
    if (!from) return 'unknown'
    if (from.epoch !== this.epoch) return 'epoch'
    if (from.seq > this.#seq) return 'unknown'
    return from.seq < this.keptFrom - 1 ? 'expired' : null
  }
}

class FakeStream {
  readonly body: ReadableStream<Uint8Array>
  readonly #topics: ReadonlySet<string>
  readonly #random: Random
  readonly #fault: Fault
  readonly #gone: () => void
  readonly #cutShort: (ending: string) => void
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #left: number
  #muted = false

  constructor(
    topics: readonly string[],
    fault: Fault,
    random: Random,
    gone: () => void,
    cutShort: (ending: string) => void,
  ) {
    this.#topics = new Set(topics)
    this.#fault = fault
    this.#random = random
    this.#gone = gone
    this.#cutShort = cutShort
    this.#left = fault.bytes ?? Number.POSITIVE_INFINITY
    this.body = new ReadableStream({ start: (controller) => void (this.#controller = controller) })
  }

  event(event: Logged, cursor: string | null): void {
    const envelope = envelopeFor(event, this.#topics)
    if (!envelope) return
    const frame = encodeSse({ event: event.type, id: cursor ?? undefined, data: JSON.stringify(envelope) })
    this.write(frame)
    if (this.#fault.twice) this.write(frame)
  }

  mute(): void {
    this.#muted = true
  }

  write(text: string): void {
    if (this.#muted) return
    const bytes = encoder.encode(text).subarray(0, Math.max(0, this.#left))
    if (this.#left > 0 && encoder.encode(text).length >= this.#left) this.#cutShort(this.#fault.ending ?? 'end')
    this.#left -= encoder.encode(text).length
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + Math.floor(this.#random.fraction() * 40)
      this.#controller?.enqueue(bytes.slice(at, at + size))
      at += size
    }
    if (this.#left <= 0 && this.#fault.ending !== 'silence') this.end(this.#fault.ending ?? 'end')
  }

  end(how: 'end' | 'error'): void {
    const controller = this.#controller
    this.#controller = undefined
    this.#gone()
    if (how === 'end') controller?.close()
    else controller?.error(new TypeError('terminated'))
  }
}
