import { TidingsError } from '../errors.js'
import { jobTopic } from '../protocol/topic.js'
import type { Claim } from '../store/store.js'
import { Lane, type LaneParts } from './lane.js'
import type { Item } from './plan.js'
import { decodeState } from './state.js'
import type { Answer } from './waiting.js'

/** Where the commands of a job go; until that is known, they wait here in the order of the calls. */
interface Home {
  lane: Lane | null
  readonly waiting: ((lane: Lane | null, error?: unknown) => void)[]
  /** Set by the look-around: idle since then. */
  idleMark: boolean
}

/** Finds the one lane of this process for a job and all that are in one group with it. */
export class Lanes {
  readonly #parts: LaneParts
  /** By namespace and the job at the top of a group. */
  readonly #lanes = new Map<string, Lane>()
  /** By namespace, then by job. */
  readonly #homes = new Map<string, Map<string, Home>>()

  constructor(parts: LaneParts) {
    this.#parts = parts
  }

  get size(): number {
    let size = this.#lanes.size
    for (const homes of this.#homes.values()) size += homes.size
    return size
  }

  /** Whether the job has been looked for lately, and may be there. */
  has(namespace: string, jobId: string): boolean {
    return this.#homes.get(namespace)?.has(jobId) ?? false
  }

  /** See {@link Lane.send}. */
  send(namespace: string, item: Item, claim: Claim): Promise<Answer> {
    const { jobId, command } = item
    // A new job goes where its parent is: they are written together.
    const near = command.action === 'create' ? (command.given.parent ?? jobId) : jobId
    const home = this.#homeOf(namespace, near)
    if (home.lane) return home.lane.send(item, claim)
    return new Promise((resolve, reject) => {
      home.waiting.push((lane, error) => {
        if (lane) lane.send(item, claim).then(resolve, reject)
        else reject(error)
      })
    })
  }

  /** What was idle since the last look goes: what it remembers is only worth a read. */
  forgetIdle(): void {
    const used = new Set<Lane | null>()
    for (const [namespace, homes] of this.#homes) {
      for (const [jobId, home] of homes) {
        if (home.lane && home.idleMark) homes.delete(jobId)
        else used.add(home.lane)
        home.idleMark = true
      }
      if (homes.size === 0) this.#homes.delete(namespace)
    }
    for (const [key, lane] of this.#lanes) {
      if (lane.idle && !used.has(lane)) this.#lanes.delete(key)
      else lane.forgetUnused()
    }
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#lanes.values(), (lane) => lane.close()))
    this.#lanes.clear()
    this.#homes.clear()
  }

  #homeOf(namespace: string, jobId: string): Home {
    let homes = this.#homes.get(namespace)
    if (!homes) this.#homes.set(namespace, (homes = new Map<string, Home>()))
    const known = homes.get(jobId)
    if (known) {
      known.idleMark = false
      return known
    }
    const home: Home = { lane: null, waiting: [], idleMark: false }
    homes.set(jobId, home)
    this.#find(namespace, jobId, home).catch((error: unknown) => {
      if (this.#homes.get(namespace)?.get(jobId) === home) this.#homes.get(namespace)?.delete(jobId)
      for (const tell of home.waiting.splice(0)) tell(null, error)
    })
    return home
  }

  async #find(namespace: string, jobId: string, home: Home): Promise<void> {
    const read = await this.#parts.store.state(namespace, jobTopic(jobId))
    const root = (read.state && decodeState(read.state.value).ancestors.at(-1)) ?? jobId
    const rootKey = JSON.stringify([namespace, root])
    const lane = this.#lanes.get(rootKey) ?? new Lane(this.#parts, namespace)
    if (this.#homes.get(namespace)?.get(jobId) !== home) throw new TidingsError('closed', 'The hub is closed.')
    this.#lanes.set(rootKey, lane)
    lane.note(jobId, read)
    home.lane = lane
    for (const tell of home.waiting.splice(0)) tell(lane)
  }
}
