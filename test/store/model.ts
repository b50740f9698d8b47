import fc from 'fast-check'
import type { Store } from '#src/store/store.js'
import { event, query, seqs } from '#src/testing/store-contract/kit.js'

/**
 * The contract as a property: whatever is appended, repeated, erased and read, in bursts that overlap, each read is what
 * a list that never forgets says it must be, and what is missing from it has been named as a gap.
 */
const topics = ['a', 'b', 'c', 'user:d']
export const keepEvents = 6

interface Entry {
  readonly seq: number
  readonly topics: readonly string[]
}

const someTopics = fc.uniqueArray(fc.constantFrom(...topics), { minLength: 1, maxLength: 3 })
const append = fc.record({
  kind: fc.constant('append' as const),
  /** Few ids, so that repetitions happen. */
  events: fc.array(fc.record({ topics: someTopics, id: fc.option(fc.nat(5), { nil: undefined }) }), { maxLength: 4 }),
})
const read = fc.record({
  kind: fc.constant('read' as const),
  topics: someTopics,
  back: fc.nat(12),
  limit: fc.constantFrom(1, 3, 1_000),
})
const erase = fc.record({ kind: fc.constant('erase' as const), topic: fc.constantFrom(...topics) })
/** Steps of one burst are called at once; bursts follow one another. */
export const bursts = fc.array(
  fc.array(fc.oneof({ weight: 4, arbitrary: append }, { weight: 4, arbitrary: read }), { minLength: 1, maxLength: 6 }),
  { maxLength: 8 },
)
export const erasures = fc.array(fc.option(erase, { nil: undefined }), { maxLength: 8 })
type Bursts = typeof bursts extends fc.Arbitrary<infer Value> ? Value : never
type Erasures = typeof erasures extends fc.Arbitrary<infer Value> ? Value : never

export class Model {
  readonly #store: Store
  readonly #log: Entry[] = []
  readonly #ids = new Map<string, number>()
  readonly #erased = new Map<string, number>()

  constructor(store: Store) {
    this.#store = store
  }

  async run(plan: Bursts, erase: Erasures): Promise<void> {
    for (const [at, burst] of plan.entries()) {
      const acknowledged = this.#log.length
      // Appends are numbered in the order of the calls, so the list can be written before they are answered.
      const checks = burst.map((step) =>
        step.kind === 'append' ? this.#append(step.events) : this.#read(step, acknowledged),
      )
      for (const check of await Promise.all(checks)) check()
      const topic = erase[at]?.topic
      if (topic) {
        await this.#store.erase('n', topic)
        const last = this.#log.findLast((entry) => entry.topics.includes(topic))?.seq
        if (last !== undefined) this.#erased.set(topic, last)
      }
      for (const step of burst) if (step.kind === 'read') (await this.#read(step, this.#log.length))()
    }
  }

  async #append(wanted: readonly { readonly topics: readonly string[]; readonly id?: number | undefined }[]) {
    const events = wanted.map((one) => {
      const id = one.id === undefined ? undefined : `repeated ${one.id}`
      return event(one.topics, id === undefined ? {} : { id })
    })
    const expected = events.map((one) => {
      const known = this.#ids.get(one.id)
      if (known !== undefined) return { id: one.id, seq: known, duplicate: true }
      const entry = { seq: this.#log.length + 1, topics: one.topics }
      this.#log.push(entry)
      this.#ids.set(one.id, entry.seq)
      return { id: one.id, seq: entry.seq, duplicate: false }
    })
    const result = await this.#store.append('n', { events })
    return () => {
      if (result.outcome !== 'stored') throw new Error(`was ${result.outcome}`)
      same(result.events, expected, 'answers')
    }
  }

  async #read(step: { topics: readonly string[]; back: number; limit: number }, acknowledged: number) {
    const { epoch } = await this.#store.head('n')
    const after = { epoch, seq: Math.max(0, acknowledged - step.back) }
    const page = await this.#store.read('n', query(step.topics, after, { limit: step.limit }))
    return () => {
      const got = seqs(page.events)
      const gaps = new Set(page.gaps.flatMap((gap) => gap.topics))
      if (!page.more && page.upTo.seq < acknowledged) throw new Error(`read to ${page.upTo.seq} of ${acknowledged}`)
      if (page.more) same(page.upTo.seq, got.at(-1), 'the position of a page that was cut')
      same(
        got,
        [...new Set(got)].sort((one, other) => one - other),
        'order',
      )
      for (const seq of got) {
        const entry = this.#log[seq - 1]
        if (!entry?.topics.some((topic) => step.topics.includes(topic)) || seq <= after.seq)
          throw new Error(`${seq} came`)
      }
      for (const topic of step.topics) this.#checkTopic(topic, after.seq, page.upTo.seq, new Set(got), gaps.has(topic))
      if (got.length > step.limit) throw new Error(`${got.length} events for a limit of ${step.limit}`)
    }
  }

  #checkTopic(topic: string, after: number, upTo: number, got: ReadonlySet<number>, gap: boolean): void {
    const erased = this.#erased.get(topic) ?? 0
    const inLog = this.#log.filter((entry) => entry.topics.includes(topic))
    const wanted = inLog.filter(({ seq }) => seq > after && seq <= upTo)
    const missing = wanted.filter(({ seq }) => !got.has(seq))
    if (missing.length > 0 && !gap) throw new Error(`${topic}: ${missing[0]?.seq} is missing, and no gap says so`)
    // A topic that is read together with others may be whole only through them: then the gap is right, and harmless.
    if (gap && wanted.length === 0 && inLog.every(({ seq }) => seq <= after))
      throw new Error(`${topic}: nothing is gone`)
    const floor = inLog.filter(({ seq }) => seq > erased).slice(-keepEvents)
    for (const { seq } of floor) {
      if (seq > after && seq <= upTo && !got.has(seq)) throw new Error(`${topic}: ${seq} is gone before its time`)
    }
  }
}

function same(actual: unknown, expected: unknown, what: string): void {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (left !== right) throw new Error(`${what}: ${left}, expected ${right}`)
}
