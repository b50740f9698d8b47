import type { Position } from '../../protocol/cursor.js'
import { randomToken } from '../../random.js'
import { TidingsError } from '../../errors.js'
import { baseKey, feedChannel, format, namespacesKey } from './keys.js'
import type { Link, LinkSettings } from './link.js'
import { list, RedisRefusal, type Reply, word } from './port.js'
import { type Script, scripts } from './scripts.js'
import { newer, away } from './server.js'

/** Nobody fills this many numbers between two saves, and millions of such steps fit below 2^53. */
const leastLeap = 1e9
/** More means that something else is wrong: each round asked the server who it is. */
const mostFences = 8

/**
 * One namespace as this node knows it: its keys, the fence its calls rely on, and the newest position it has heard of,
 * which is what the fence must not fall behind (S6).
 */
export class RedisNamespace {
  readonly name: string
  readonly base: string
  readonly channel: string
  readonly #link: Link
  readonly #settings: LinkSettings
  /** Null until the first call on a connection. */
  #fence: string | null = null
  #fencing: Promise<void> | null = null
  /** The fence with which it was listed: what went back may have lost just that. */
  #registered = ''
  #heard: Position = { epoch: '', seq: 0 }

  constructor(name: string, link: Link, settings: LinkSettings) {
    this.name = name
    this.base = baseKey(settings.prefix, name)
    this.channel = feedChannel(this.base)
    this.#link = link
    this.#settings = settings
  }

  get fence(): string | null {
    return this.#fence
  }
  get heard(): Position {
    return this.#heard
  }

  /** From the feed and from answers. */
  hear(epoch: string, seq: number): void {
    if (epoch !== this.#heard.epoch || seq > this.#heard.seq) this.#heard = { epoch, seq }
  }

  /** The connection is another one: the server may be, too. */
  forgetFence(): void {
    this.#fence = null
    this.#fencing = null
  }

  /** Runs a script that relies on the fence; what the fence refuses is fenced anew and repeated, and no caller hears of it. */
  async run(script: Script, args: readonly (string | number)[] = []): Promise<Reply> {
    for (let attempt = 0; attempt < mostFences; attempt++) {
      await this.makeFence()
      const reply = await this.call(script, args)
      if (reply !== 'FENCED') return reply
      await this.refence()
    }
    throw away('Redis changes its identity again and again.')
  }

  /** The time scripts go by. */
  now(): string {
    return this.#settings.now()
  }

  /** One call of a script with the present fence. */
  async call(script: Script, args: readonly (string | number)[]): Promise<Reply> {
    return await this.#send(script, this.relyingOn(this.#fence ?? ''), args)
  }

  /** What a script is told to compare with what it finds, besides the fence itself. */
  relyingOn(fence: string): string {
    return `${fence} ${this.#heard.epoch} ${this.#heard.seq}`
  }

  async #send(script: Script, reliedOn: string, args: readonly (string | number)[]): Promise<Reply> {
    const all = [script.sha1, '1', this.base, reliedOn, this.now(), ...args.map(String)]
    try {
      return await this.#link.send('EVALSHA', all)
    } catch (error) {
      if (!isScriptMissing(error)) throw error
      await loadScripts(this.#link)
      return await this.#link.send('EVALSHA', all)
    }
  }

  /** Resolves when there is a fence for the present connection. */
  makeFence(): Promise<void> | undefined {
    if (this.#fence !== null) return undefined
    if (!this.#fencing) {
      const fencing: Promise<void> = this.#makeFence(() => this.#fencing === fencing).finally(() => {
        if (this.#fencing === fencing) this.#fencing = null
      })
      this.#fencing = fencing
    }
    return this.#fencing
  }

  /** The fence was refused: perhaps the server is not who it was. */
  async refence(): Promise<void> {
    this.#fence = null
    await this.#link.recheck()
  }

  async #makeFence(isCurrent: () => boolean): Promise<void> {
    const { random } = this.#settings
    const { pair } = this.#link.server
    const leap = Math.floor(leastLeap * (1 + random.fraction()))
    const args = [pair, randomToken(random, 12), this.#heard.epoch, this.#heard.seq, format, leap]
    this.#fence = null
    const [fence, epoch, seq] = list(await this.#send(scripts.fence, randomToken(random, 12), args))
    if (fence === 'NEWER') throw newer(word(epoch))
    if (typeof fence !== 'string') throw new TidingsError('internal', 'The fence script gave no fence.')
    if (this.#registered !== fence) {
      await this.#register()
      this.#registered = fence
    }
    this.hear(word(epoch), Number(seq))
    if (isCurrent()) this.#fence = fence
  }

  /** Into the list by which every node finds it. */
  async #register(): Promise<void> {
    const key = namespacesKey(this.#settings.prefix)
    try {
      await this.#link.send('SADD', [key, this.name])
    } catch (error) {
      // A Redis without memory refuses this also where the name is there already, and reading has to go on.
      if (!(error instanceof RedisRefusal) || (await this.#link.send('SISMEMBER', [key, this.name])) !== 1) throw error
    }
  }
}

/** Somebody flushed the scripts. What asked for one has not been done. */
export const isScriptMissing = (error: unknown): boolean => error instanceof RedisRefusal && error.word === 'NOSCRIPT'

export async function loadScripts(link: Link): Promise<void> {
  await Promise.all(Object.values(scripts).map(({ text }) => link.send('SCRIPT', ['LOAD', text])))
}
