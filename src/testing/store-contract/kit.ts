import type { Clock } from '../../clock.js'
import type { Random } from '../../random.js'
import type { StoreLimits } from '../../store/retention.js'
import type { Announcement, Append, AppendResult, Follower, NewEvent, ReadQuery, Store } from '../../store/store.js'
import { type FakeClock, fakeClock } from '../fake-clock.js'
import { seededRandom } from '../seeded-random.js'

/** What the suite uses of a test framework (vitest, jest, bun:test, …): handed in, so that none is depended on. */
export interface TestFramework {
  readonly describe: (name: string, body: () => void) => unknown
  readonly test: (name: string, body: () => Promise<void>) => unknown
  readonly expect: (actual: unknown) => Expectation
}

export interface Expectation {
  toBe(expected: unknown): void
  toEqual(expected: unknown): void
  toMatchObject(expected: object): void
  toBeGreaterThan(expected: number): void
  toBeGreaterThanOrEqual(expected: number): void
  toBeLessThanOrEqual(expected: number): void
}

export interface ContractOptions extends StoreLimits {
  readonly clock: Clock
  readonly random: Random
}

/** A store under test. */
export interface ContractStore {
  /** Open, and empty. */
  readonly store: Store
  /** Closes the store and opens what it kept anew. Called only where {@link Capabilities.reopens}. */
  reopen?(): Promise<Store>
  /** Closes the store and removes what it left. */
  discard(): Promise<void>
}

export type MakeStore = (options: ContractOptions) => Promise<ContractStore> | ContractStore

/** What a store may lack. Its clauses are then not part of the suite. */
export interface Capabilities {
  /** What it keeps outlives `close` (S1). Default true. */
  readonly reopens?: boolean
}

export interface Bench {
  readonly store: Store
  readonly clock: FakeClock
  reopen(): Promise<Store>
}

/** One chapter of the suite gets these: `check` runs its body on a fresh store with a clock that stands still. */
export interface Suite extends TestFramework {
  readonly reopens: boolean
  check(promise: string, body: (bench: Bench) => Promise<void>, limits?: StoreLimits): void
}

export function makeSuite(makeStore: MakeStore, framework: TestFramework, capabilities: Capabilities): Suite {
  return {
    ...framework,
    reopens: capabilities.reopens ?? true,
    check(promise, body, limits = {}) {
      framework.test(promise, async () => {
        const clock = fakeClock()
        const made = await makeStore({ ...limits, clock, random: seededRandom(1) })
        try {
          const reopen = async (): Promise<Store> => {
            if (!made.reopen) throw new Error('makeStore gave no `reopen`; pass { reopens: false } for such a store')
            return made.reopen()
          }
          await body({ store: made.store, clock, reopen })
        } finally {
          await made.discard()
        }
      })
    },
  }
}

let made = 0

/** An event to append, with an id of its own unless `fields` name one. */
export function event(topics: string | readonly string[], fields: Partial<NewEvent> = {}): NewEvent {
  const id = fields.id ?? `event-${++made}`
  const body = `"source":"test","version":1,"data":${JSON.stringify(id)}`
  const several = typeof topics === 'string' ? [topics] : topics
  return { type: 'test', priority: 'normal', body, digest: `digest of ${id}`, ...fields, id, topics: several }
}

/** Appends and insists that it was stored. */
export async function put(
  store: Store,
  append: Append | NewEvent,
  namespace = 'n',
): Promise<Extract<AppendResult, { outcome: 'stored' }>> {
  const result = await store.append(namespace, 'events' in append ? append : { events: [append] })
  if (result.outcome !== 'stored') throw new Error(`Expected to be stored, was ${JSON.stringify(result)}`)
  return result
}

/** Appends `count` events of `topic`, one append each, in order. */
export async function fill(store: Store, topic: string, count: number, fields: Partial<NewEvent> = {}): Promise<void> {
  await Promise.all(Array.from({ length: count }, () => put(store, event(topic, fields))))
}

export const query = (
  topics: string | readonly string[],
  after: ReadQuery['after'],
  more: Partial<ReadQuery> = {},
) => ({
  topics: typeof topics === 'string' ? [topics] : topics,
  after,
  limit: 1_000,
  maxBytes: 1024 * 1024,
  ...more,
})

export const seqs = (events: readonly { readonly seq: number }[]): number[] => events.map(({ seq }) => seq)

/** Remembers what a feed says, and waits for more of it. */
export class Listener implements Follower {
  readonly heard: Announcement[] = []
  readonly probes: number[] = []
  interruptions = 0
  #wake: (() => void)[] = []

  announced(announcements: readonly Announcement[]): void {
    this.heard.push(...announcements)
    this.#woken()
  }
  interrupted(): void {
    this.interruptions++
    this.#woken()
  }
  probed(position: { readonly seq: number }): void {
    this.probes.push(position.seq)
    this.#woken()
  }
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#wake.push(resolve))
  }
  #woken(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }
}
