import { TidingsError } from '#src/errors.js'
import { formatCursor } from '#src/protocol/cursor.js'
import type { NewEvent, Store } from '#src/store/store.js'
import { digestOf, type Publish, type Seen } from './history.js'

/** The namespace that fault tests use: the one a hub uses by default. */
export const namespace = 'default'

/** An event as `hub.publish` would hand it to a store, its data being `data`. */
export function eventOf(id: string, topics: readonly string[], data: unknown, pad = ''): NewEvent {
  const body = `"source":"test","version":1,"data":${JSON.stringify(pad === '' ? data : [data, pad])}`
  return { id, type: 'note', priority: 'normal', topics, digest: digestOf([topics, data]), body }
}

/** Appends events one after another and notes each call; one whose fate is unknown is called again with its id. */
export class NotingPublisher {
  readonly name: string
  readonly publishes: Publish[] = []
  readonly #next: () => readonly string[]
  #count = 0

  /** `next`: the topics of the next event. */
  constructor(name: string, next: () => readonly string[]) {
    this.name = name
    this.#next = next
  }

  get acknowledged(): Publish[] {
    return this.publishes.filter(({ outcome }) => outcome === 'acknowledged')
  }

  /** Until it is acknowledged. `giveUp`: asked after each failure. */
  async publish(store: Store, giveUp: () => boolean = () => false): Promise<Publish> {
    const n = this.#count++
    const id = `${this.name}-${n}`
    const topics = this.#next()
    for (;;) {
      const done = await this.attempt(store, { n, id, topics })
      if (done.outcome === 'acknowledged' || giveUp()) return done
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  /** One call, whatever comes of it. */
  async attempt(
    store: Store,
    { n, id, topics }: { readonly n?: number; readonly id: string; readonly topics: readonly string[] },
  ): Promise<Publish> {
    const call = { by: this.name, ...(n !== undefined && { n }), id, topics, digest: digestOf(id) }
    const calledAtMs = performance.now()
    const note = (publish: Publish): Publish => {
      this.publishes.push(publish)
      return publish
    }
    try {
      const result = await store.append(namespace, { events: [eventOf(id, topics, id)] })
      if (result.outcome !== 'stored') throw new Error(`${id}: ${JSON.stringify(result)}`)
      const cursor = formatCursor({ epoch: result.position.epoch, seq: result.events[0]?.seq as number })
      return note({ ...call, calledAtMs, outcome: 'acknowledged', cursor, answeredAtMs: performance.now() })
    } catch (error) {
      if (!(error instanceof TidingsError)) throw error
      if (error.code === 'indeterminate') return note({ ...call, calledAtMs, outcome: 'indeterminate' })
      if (error.retryable) return note({ ...call, calledAtMs, outcome: 'refused' })
      throw error
    }
  }
}

/** All that a store keeps of some topics, from the start. */
export async function logOf(store: Store, topics: readonly string[]): Promise<Seen[]> {
  const log: Seen[] = []
  for (let after: Parameters<Store['read']>[1]['after'] = 'start', more = true; more; ) {
    const page = await store.read(namespace, { topics, after, limit: 1_000, maxBytes: 2 ** 20 })
    for (const { id, seq, topics: of, body } of page.events) {
      const { data } = JSON.parse(`{${body}}`)
      log.push({ id, topics: of, cursor: formatCursor({ epoch: page.upTo.epoch, seq }), digest: digestOf(data) })
    }
    after = page.upTo
    more = page.more
  }
  return log
}
