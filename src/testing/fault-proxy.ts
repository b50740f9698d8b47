import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { type Clock, systemClock, wait } from '../clock.js'

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
  /** Replies are no longer read: the hub's socket fills up. */
  readonly stall?: boolean
  /** Both sides stay open, but nothing passes, not even the end of either: a cable pulled. What is sent meanwhile is lost. */
  readonly halfOpen?: boolean
  /** Asked at each chunk of a reply: true loses it, and the connection with it, after the upstream has done the work. */
  readonly dropReply?: () => boolean
  /** New connections are reset. */
  readonly refuse?: boolean
}

export interface FaultProxy {
  readonly port: number
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  /** Connections that are open on the client's side. */
  readonly open: number
  /** Connections taken so far. */
  readonly accepted: number
  /** Replaces what is wrong; `set({})` heals. */
  set(faults: Faults): void
  /** Closes every open connection: with RST, or with FIN where `gracefully`. New ones are taken. */
  cut(options?: { readonly gracefully?: boolean }): void
  close(): Promise<void>
}

export interface FaultProxyOptions {
  /** Where the real server listens. */
  readonly port: number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** What is wrong from the start. */
  readonly faults?: Faults
  /** For latency. Default: the system's. */
  readonly clock?: Clock
}

/** A TCP proxy on a free port of 127.0.0.1 that misbehaves on demand. It knows bytes, not HTTP. */
export async function faultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const weather = new Weather(options.faults ?? {}, options.clock ?? systemClock)
  const upstream = { port: options.port, host: options.host ?? '127.0.0.1' }
  const lines = new Set<Line>()
  let accepted = 0

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => {})
    if (weather.faults.refuse) return void client.resetAndDestroy()
    accepted++
    const line = new Line(client, createConnection({ ...upstream, allowHalfOpen: true, noDelay: true }), weather)
    lines.add(line)
    client.on('close', () => lines.delete(line))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0

  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get open() {
      return lines.size
    },
    get accepted() {
      return accepted
    },
    set: (faults) => weather.set(faults),
    cut: ({ gracefully = false } = {}) => {
      for (const line of lines) line.cut(!gracefully)
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const line of lines) line.cut(true)
      await closed
    },
  }
}

/** The faults in force, and a way to wait until they change. */
class Weather {
  faults: Faults
  readonly clock: Clock
  #changed = new AbortController()

  constructor(faults: Faults, clock: Clock) {
    this.faults = faults
    this.clock = clock
  }

  set(faults: Faults): void {
    this.faults = faults
    this.#changed.abort()
    this.#changed = new AbortController()
  }

  /** Fires at the next `set`. */
  get changed(): AbortSignal {
    return this.#changed.signal
  }
}

/** One connection: a socket on each side and a pump in each direction. */
class Line {
  readonly #client: Socket
  readonly #upstream: Socket
  readonly #weather: Weather
  #replied = 0

  constructor(client: Socket, upstream: Socket, weather: Weather) {
    this.#client = client
    this.#upstream = upstream
    this.#weather = weather
    void this.#pump(client, upstream, (chunk) => this.#pass(chunk, upstream))
    void this.#pump(upstream, client, (chunk) => this.#reply(chunk))
  }

  cut(reset: boolean): void {
    for (const socket of [this.#client, this.#upstream]) {
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
      if (!this.#weather.faults.halfOpen) to.end()
    } catch {
      if (!this.#weather.faults.halfOpen) to.resetAndDestroy()
    }
  }

  async #reply(chunk: Buffer): Promise<void> {
    while (this.#weather.faults.stall && !this.#client.destroyed) await this.#healed()
    const { cutAfterBytes, dropReply, sliceBytes, reset = false } = this.#weather.faults
    if (dropReply?.()) return this.cut(false)
    const left = (cutAfterBytes ?? Number.POSITIVE_INFINITY) - this.#replied
    const passed = chunk.subarray(0, Math.max(0, left))
    this.#replied += passed.length
    const step = sliceBytes ?? Math.max(1, passed.length)
    for (let start = 0; start < passed.length; start += step) {
      await this.#pass(passed.subarray(start, start + step), this.#client)
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
