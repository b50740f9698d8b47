import { createHash } from 'node:crypto'
import { TidingsError } from '../../errors.js'
import type { Store } from '../../store/store.js'
import { isBehind, nowhere, placeOf } from './queue.js'

/** How far the queue's event stream has been copied, for all nodes that run the bridge. */
export interface Standing {
  /** The id of the last entry whose job has taken it. */
  readonly position: string
  /** BullMQ jobs that were run anew after their end, and whose job here is therefore not the first. */
  readonly lives: Readonly<Record<string, Life>>
}

export interface Life {
  /** 2 and up. */
  readonly number: number
  /** Runs that BullMQ had counted before. */
  readonly runsBefore: number
  /** Unix ms of the entry that began it: the oldest are forgotten first. */
  readonly sinceMs: number
}

const format = 1
/** They are few: jobs retried by hand, or added again under the same id. */
const mostLives = 2_000

/**
 * The standing, kept in the Tidings store under a name that no application can use ("*"). Nodes that run the bridge side by
 * side write it under compare-and-set, and it only moves forward.
 */
export class Position {
  readonly #store: Store
  readonly #namespace: string
  readonly #topic: string
  #version = 0

  constructor(store: Store, namespace: string, key: readonly string[]) {
    this.#store = store
    this.#namespace = namespace
    this.#topic = `*bullmq:${hashOf(key)}`
  }

  /** Null: nobody has copied from this queue yet. Rejects with `store_newer`. */
  async load(): Promise<Standing | null> {
    const { state } = await this.#store.state(this.#namespace, this.#topic)
    this.#version = state?.version ?? 0
    return state && decode(state.value)
  }

  /** Keeps a standing; returns the one that counts, which is further where another node was faster. */
  async save(standing: Standing): Promise<Standing> {
    const value = JSON.stringify({ format, ...standing, lives: newest(standing.lives) })
    for (;;) {
      const write = { topic: this.#topic, expect: this.#version, value }
      const result = await this.#store.append(this.#namespace, { events: [], states: [write], exempt: true })
      if (result.outcome === 'stored') {
        this.#version++
        return standing
      }
      if (result.outcome !== 'conflict')
        throw new TidingsError('internal', `The store answered "${result.outcome}" to the position of a queue.`)
      const other = await this.load()
      if (other && !isBehind(placeOf(standing.position), placeOf(other.position))) return other
    }
  }
}

/** Parts are never joined by a character that they may contain (A3). */
export const hashOf = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 32)

function decode(text: string): Standing {
  const { format: written, ...standing } = JSON.parse(text) as Standing & { format: number }
  if (written > format)
    throw new TidingsError(
      'store_newer',
      `The position of a queue was written in format ${written}. Upgrade this node.`,
    )
  return { ...standing, position: standing.position ?? nowhere }
}

function newest(lives: Standing['lives']): Standing['lives'] {
  const all = Object.entries(lives)
  if (all.length <= mostLives) return lives
  return Object.fromEntries(all.sort(([, one], [, other]) => other.sinceMs - one.sinceMs).slice(0, mostLives))
}
