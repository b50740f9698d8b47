import type { Socket } from 'node:net'
import { type Clock, wait } from '../clock.js'

/** What the network does wrong, from now on, also on connections that are already open. Nothing named: nothing wrong. */
export interface Faults {
  /** Every chunk waits this long before it is passed on; one after the other, so it is a limit of rate as well. */
  readonly latencyMs?: number
  /** Replies arrive in pieces of this many bytes, each in a packet of its own. */
  readonly sliceBytes?: number
  /** The connection is closed after this many bytes of replies, counted from its opening. */
  readonly cutAfterBytes?: number
  /** The close of `cutAfterBytes` is a reset (RST), not an end (FIN). */
  readonly reset?: boolean
  /** Replies trickle: at most this many bytes a second on each connection. */
  readonly bytesPerSecond?: number
  /** Replies are held back until this many bytes are together, or the hub ends them: a proxy that buffers. */
  readonly bufferBytes?: number
  /**
   * What a client sends arrives twice, on two connections, and the second one's replies go nowhere: a proxy that tries again.
   * For connections that are opened from now on.
   */
  readonly duplicate?: boolean
  /** Replies are no longer read: the hub's socket fills up. */
  readonly stall?: boolean
  /** Both sides stay open, but nothing passes, not even the end of either: a cable pulled. What is sent meanwhile is lost. */
  readonly halfOpen?: boolean
  /** Asked at each chunk of a reply: true loses it, and the connection with it, after the upstream has done the work. */
  readonly dropReply?: () => boolean
  /** New connections are reset. */
  readonly refuse?: boolean
}

/** Pieces in which throttled replies arrive. */
const tricklesPerSecond = 20

/** The faults in force, and a way to wait until they change. */
export class Weather {
  faults: Faults
  readonly clock: Clock
  #changed = new AbortController()

  constructor(faults: Faults, clock: Clock) {
    this.faults = faults
    this.clock = clock
  }

  set(faults: Faults): void {
    this.faults = faults
    const before = this.#changed
    this.#changed = new AbortController()
    before.abort()
  }

  /** Fires at the next `set`. */
  get changed(): AbortSignal {
    return this.#changed.signal
  }
}

/** One connection: a socket on each side and a pump in each direction. */
export class FaultLine {
  readonly #client: Socket
  readonly #upstream: Socket
  /** Where what the client sends arrives a second time; null: nowhere. */
  readonly #double: Socket | null
  readonly #weather: Weather
  /** Replies that are held back, see {@link Faults.bufferBytes}. */
  #held: Buffer[] = []
  #released: Promise<void> = Promise.resolve()
  #replied = 0

  constructor(client: Socket, open: () => Socket, weather: Weather) {
    this.#client = client
    this.#upstream = open()
    this.#double = weather.faults.duplicate ? open() : null
    this.#double?.on('error', () => {}).resume()
    this.#weather = weather
    void this.#pump(client, this.#upstream, async (chunk) => {
      await this.#pass(chunk, this.#upstream)
      if (this.#double) await this.#pass(chunk, this.#double)
    })
    void this.#pump(this.#upstream, client, (chunk) => this.#collect(chunk))
  }

  cut(reset: boolean): void {
    for (const socket of [this.#client, this.#upstream, ...(this.#double ? [this.#double] : [])]) {
      if (reset) socket.resetAndDestroy()
      else socket.destroy()
    }
  }

  async #pump(from: Socket, to: Socket, pass: (chunk: Buffer) => Promise<void>): Promise<void> {
    from.on('error', () => {})
    try {
      // Without the option the end of one direction would destroy the other.
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        if (!this.#weather.faults.halfOpen) await pass(chunk)
      }
      if (this.#weather.faults.halfOpen) return
      if (to === this.#client) await this.#release()
      to.end()
      if (to === this.#upstream) this.#double?.end()
    } catch {
      if (!this.#weather.faults.halfOpen) to.resetAndDestroy()
    }
  }

  async #collect(chunk: Buffer): Promise<void> {
    this.#held.push(chunk)
    this.#releaseIfEnough()
    await this.#released
  }

  readonly #releaseIfEnough = (): void => {
    const heldBytes = this.#held.reduce((sum, { length }) => sum + length, 0)
    if (heldBytes < (this.#weather.faults.bufferBytes ?? 0)) {
      this.#weather.changed.addEventListener('abort', this.#releaseIfEnough, { once: true })
    } else void this.#release()
  }

  /** One after the other: what is held may be let go by its length, by a change of the weather, or by the end. */
  #release(): Promise<void> {
    this.#released = this.#released.then(async () => {
      const chunk = Buffer.concat(this.#held)
      this.#held = []
      if (chunk.length > 0) await this.#reply(chunk)
    })
    return this.#released
  }

  async #reply(chunk: Buffer): Promise<void> {
    while (this.#weather.faults.stall && !this.#client.destroyed) await this.#healed()
    const { cutAfterBytes, dropReply, sliceBytes, bytesPerSecond, reset = false } = this.#weather.faults
    if (dropReply?.()) return this.cut(false)
    const left = (cutAfterBytes ?? Number.POSITIVE_INFINITY) - this.#replied
    const passed = chunk.subarray(0, Math.max(0, left))
    this.#replied += passed.length
    const trickle = bytesPerSecond === undefined ? passed.length : Math.ceil(bytesPerSecond / tricklesPerSecond)
    const step = Math.min(sliceBytes ?? Math.max(1, passed.length), Math.max(1, trickle))
    for (let start = 0; start < passed.length; start += step) {
      const piece = passed.subarray(start, start + step)
      await this.#pass(piece, this.#client)
      if (bytesPerSecond) await wait(this.#weather.clock, (piece.length / bytesPerSecond) * 1000, this.#weather.changed)
    }
    if (left <= chunk.length) {
      // The bytes before the cut must arrive: an RST throws away what the receiver has not read yet.
      await new Promise((resolve) => this.#client.write('', resolve))
      this.cut(reset)
    }
  }

  async #pass(chunk: Buffer, to: Socket): Promise<void> {
    const { latencyMs, sliceBytes } = this.#weather.faults
    if (latencyMs) await wait(this.#weather.clock, latencyMs, this.#weather.changed)
    else if (sliceBytes) await new Promise<void>((resolve) => setImmediate(resolve))
    if (to.destroyed) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        to.off('drain', done).off('close', done)
        resolve()
      }
      if (to.write(chunk)) resolve()
      else to.on('drain', done).on('close', done)
    })
  }

  #healed(): Promise<void> {
    const { changed } = this.#weather
    return new Promise((resolve) => {
      const done = (): void => {
        changed.removeEventListener('abort', done)
        this.#client.off('close', done)
        resolve()
      }
      changed.addEventListener('abort', done)
      this.#client.on('close', done)
    })
  }
}
