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
  /** By namespace and job. */
  readonly #homes = new Map<string, Home>()

  constructor(parts: LaneParts) {
    this.#parts = parts
  }

  /** Lanes and jobs that are remembered, for tests of what is left behind. */
  get size(): number {
    return this.#lanes.size + this.#homes.size
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
    for (const [key, home] of this.#homes) {
      if (home.lane && home.idleMark) this.#homes.delete(key)
      home.idleMark = true
    }
    const used = new Set(Array.from(this.#homes.values(), ({ lane }) => lane))
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
    const key = JSON.stringify([namespace, jobId])
    let home = this.#homes.get(key)
    if (!home) {
      home = { lane: null, waiting: [], idleMark: false }
      this.#homes.set(key, home)
      this.#find(namespace, jobId, key, home).catch((error: unknown) => {
        if (this.#homes.get(key) === home) this.#homes.delete(key)
        for (const tell of home?.waiting.splice(0) ?? []) tell(null, error)
      })
    }
    home.idleMark = false
    return home
  }

  async #find(namespace: string, jobId: string, key: string, home: Home): Promise<void> {
    const read = await this.#parts.store.state(namespace, jobTopic(jobId))
    const root = (read.state && decodeState(read.state.value).ancestors.at(-1)) ?? jobId
    const rootKey = JSON.stringify([namespace, root])
    const lane = this.#lanes.get(rootKey) ?? new Lane(this.#parts, namespace)
    if (this.#homes.get(key) !== home) throw new TidingsError('closed', 'The hub is closed.')
    this.#lanes.set(rootKey, lane)
    lane.note(jobId, read)
    home.lane = lane
    for (const tell of home.waiting.splice(0)) tell(lane)
  }
}
