import { TidingsError } from '../../errors.js'
import type { Append, AppendResult } from '../store.js'
import { type AppendMoment, type AppendRequest, decodeOutcome, encodeAppend } from './append-request.js'
import { failure, unavailable } from './failures.js'
import type { Link } from './link.js'
import { isScriptMissing, loadScripts, type RedisNamespace } from './namespace.js'
import { list, type Reply, word } from './port.js'
import { scripts } from './scripts.js'

/** A call holds the server for a millisecond or so, and no longer. */
const mostAppends = 64
const fewestAppends = 32
const mostBytes = 256 * 1024
/** Each topic of each event is a look, a write and perhaps a new topic: 10 to 40 µs. */
const mostEntries = 1_000
/** While Redis works on one, the answers of the one before are dealt with here. */
const mostInFlight = 4
/** What waits here is what callers wait for: more means that Redis cannot keep up, and they should hear of it. */
const mostWaitingBytes = 64 * 1024 * 1024

interface Waiting {
  readonly request: AppendRequest
  /** Order of the calls. */
  readonly turn: number
  readonly resolve: (result: AppendResult) => void
  readonly reject: (error: TidingsError) => void
}

/**
 * The appends of one namespace: those called in one tick, and those that come while others are under way, share one call of
 * the script. They are carried out in the order of the calls (D1).
 */
export class Appender {
  readonly #namespace: RedisNamespace
  readonly #link: Link
  readonly #limits: readonly string[]
  readonly #quotaBytes: number
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #inFlight = 0
  #turns = 0
  #scheduled = false
  /** Something came back undone: it goes first, once all that was sent after it has come back too. */
  #mending: (() => Promise<unknown>) | null = null
  #idle: (() => void)[] = []

  constructor(namespace: RedisNamespace, link: Link, limits: readonly string[], quotaBytes: number) {
    this.#namespace = namespace
    this.#link = link
    this.#limits = limits
    this.#quotaBytes = quotaBytes
  }

  get busy(): boolean {
    return this.#inFlight > 0 || this.#waiting.length > 0
  }

  append(append: Append): Promise<AppendResult> {
    if (!this.#link.available) return Promise.reject(this.#link.refusal())
    if (this.#waitingBytes > mostWaitingBytes)
      return Promise.reject(unavailable('It does not keep up with what is published.'))
    return new Promise((resolve, reject) => {
      const request = encodeAppend(append)
      this.#waiting.push({ request, turn: this.#turns++, resolve, reject })
      this.#waitingBytes += request.bytes
      this.#schedule()
    })
  }

  /** The connection is gone. What was sent rejects by itself; what was not has not been done. */
  away(refusal: TidingsError): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    for (const { reject } of waiting) reject(refusal)
  }

  /** Resolves when all that was accepted is answered. */
  async settled(): Promise<void> {
    while (this.busy) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #schedule(): void {
    if (this.#scheduled || this.#mending || this.#inFlight >= mostInFlight) return
    this.#scheduled = true
    // Runs after every promise that is settled by now has been dealt with: publishers that were answered together, and
    // publish again, share a call again.
    process.nextTick(() => {
      this.#scheduled = false
      this.#send()
    })
  }

  #send(): void {
    if (this.#waiting.length === 0 || this.#mending) return
    const fence = this.#namespace.fence
    if (fence === null) {
      this.#mend(() => this.#namespace.makeFence() ?? Promise.resolve())
      return
    }
    while (this.#waiting.length > 0 && this.#inFlight < mostInFlight) void this.#carryOut(this.#takeBatch(), fence)
  }

  /** About half of what waits, so that Redis has the next batch while the answers of this one are dealt with. */
  #takeBatch(): Waiting[] {
    const most = Math.max(fewestAppends, Math.min(mostAppends, Math.ceil(this.#waiting.length / 2)))
    let count = 0
    for (let bytes = 0, entries = 0; count < this.#waiting.length && count < most; count++) {
      const { request } = this.#waiting[count] as Waiting
      bytes += request.bytes
      entries += request.entries
      if (count > 0 && (bytes > mostBytes || entries > mostEntries)) break
    }
    const batch = count === this.#waiting.length ? this.#waiting : this.#waiting.splice(0, count)
    if (batch === this.#waiting) this.#waiting = []
    for (const { request } of batch) this.#waitingBytes -= request.bytes
    return batch
  }

  async #carryOut(batch: readonly Waiting[], fence: string): Promise<void> {
    this.#inFlight++
    try {
      const args = [scripts.append.sha1, '1', this.#namespace.base, this.#namespace.relyingOn(fence)]
      args.push(this.#namespace.now(), ...this.#limits)
      args.push(String(batch.length))
      for (const { request } of batch) for (const arg of request.args) args.push(arg)
      const reply = await this.#link.send('EVALSHA', args)
      if (reply === 'FENCED') this.#takeBack(batch, () => this.#namespace.refence())
      else this.#answer(batch, reply)
    } catch (error) {
      if (isScriptMissing(error)) this.#takeBack(batch, () => loadScripts(this.#link))
      else for (const one of batch) one.reject(failure(error, true))
    } finally {
      this.#inFlight--
      this.#goOn()
    }
  }

  #answer(batch: readonly Waiting[], reply: Reply): void {
    const [epoch, timestamp, outcomes] = list(reply)
    const moment: AppendMoment = { epoch: word(epoch), timestamp: Number(timestamp), quotaBytes: this.#quotaBytes }
    const answers = list(outcomes)
    for (let at = 0; at < batch.length; at++) {
      const { request, resolve } = batch[at] as Waiting
      const result = decodeOutcome(request.append, answers[at], moment)
      if (result.outcome === 'stored') this.#namespace.hear(result.position.epoch, result.position.seq)
      resolve(result)
    }
  }

  /** Nothing of it was done. */
  #takeBack(batch: readonly Waiting[], mend: () => Promise<unknown>): void {
    this.#waiting.push(...batch)
    this.#waiting.sort((one, other) => one.turn - other.turn)
    for (const { request } of batch) this.#waitingBytes += request.bytes
    this.#mending ??= mend
  }

  #goOn(): void {
    if (this.#mending && this.#inFlight === 0) {
      const mend = this.#mending
      this.#mend(mend)
      return
    }
    if (this.#waiting.length > 0) this.#schedule()
    else if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #mend(mend: () => Promise<unknown>): void {
    this.#mending = mend
    mend().then(
      () => {
        this.#mending = null
        this.#goOn()
      },
      (error: unknown) => {
        this.#mending = null
        this.away(failure(error, false))
        this.#goOn()
      },
    )
  }
}
