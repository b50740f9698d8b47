import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import type { KnownJob } from '#src/jobs/known.js'
import { type Item, planOf } from '#src/jobs/plan.js'
import { type JobState, againOf, decodeState, encodeState } from '#src/jobs/state.js'
import type { TreeEvent } from '#src/jobs/tree.js'
import { checkNewJob } from '#src/protocol/job-input.js'
import { type Job, isEnded, isTerminalType } from '#src/protocol/job.js'

/** The long run found what needs three attempts, a child run again and a deadline in one history. */
const numRuns = process.env.TIDINGS_FULL ? 4_000 : 200

const t0 = 1_800_000_000_000
const position = { epoch: 'e', seq: 1 }
type Sums = Record<string, number>

/** A store of jobs, and beside it the plainest account of what each should hold. */
class World {
  readonly known = new Map<string, KnownJob>()
  readonly told: TreeEvent[] = []
  /** What was counted on a job itself, in its attempt. */
  readonly own = new Map<string, Sums>()
  /** Members whose counters belong to the sum of a parent, and what those left that went when their time was over. */
  readonly members = new Map<string, Set<string>>()
  readonly left = new Map<string, Sums>()
  now = t0
  #made = 0

  get ids(): string[] {
    return [...this.known.keys()]
  }

  state(id: string): JobState | undefined {
    return this.known.get(id)?.state
  }

  create(parent: string | undefined, more: object): void {
    const id = `j${this.#made++}`
    const { job } = checkNewJob({ owner: 'user:7', kind: 'k', ...more, ...(parent !== undefined && { parent }) })
    this.#do({ jobId: id, command: { action: 'create', given: { eventsPerSecond: 10, ...job }, origin: id } })
    if (!this.known.has(id)) return
    this.own.set(id, { ...job.counters })
    if (parent !== undefined) this.#membersOf(parent).add(id)
  }

  again(old: string): void {
    const state = this.state(old)
    if (!state || !isEnded(state.job.status)) return
    const id = `j${this.#made++}`
    const parent = state.job.parent
    const placed = parent !== undefined && this.#membersOf(parent).has(old)
    this.#do({ jobId: id, command: { action: 'create', given: againOf(state), origin: id } })
    this.own.set(id, { ...state.fresh.counters })
    if (this.state(id)?.job.parent === undefined || parent === undefined) return
    if (placed) this.#membersOf(parent).delete(old)
    this.#membersOf(parent).add(id)
  }

  send(id: string, command: Item['command']): void {
    const before = this.state(id)
    if (!before) return
    const accepted = this.#do({ jobId: id, command })
    const after = this.state(id)
    if (!accepted) return
    const { parent } = before.job
    const counts = parent !== undefined && this.#membersOf(parent).has(id)
    if (!after) {
      if (counts) this.#membersOf(parent).delete(id)
      if (counts && command.action === 'deadline')
        this.left.set(parent, add(this.left.get(parent) ?? {}, before.job.counters))
    } else if (after.job.attempt > before.job.attempt) this.own.set(id, { ...after.fresh.counters })
    else if (command.action === 'update') this.own.set(id, add(this.own.get(id) ?? {}, command.increment ?? {}))
  }

  /** Lets everything that is withheld leave. */
  rest(): void {
    this.now += 2_000
    for (const id of this.ids) this.send(id, { action: 'flush' })
  }

  expected(id: string): Sums {
    let sums = add(this.own.get(id) ?? {}, this.left.get(id) ?? {})
    for (const member of this.members.get(id) ?? []) sums = add(sums, this.state(member)?.job.counters ?? {})
    return sums
  }

  #membersOf(parent: string): Set<string> {
    const members = this.members.get(parent) ?? new Set<string>()
    this.members.set(parent, members)
    return members
  }

  /** As text in between, as a store keeps it. */
  #do(item: Item): boolean {
    const plan = planOf((id) => this.known.get(id) ?? null, [item], this.now)
    for (const [id, write] of plan.writes) {
      const version = (this.known.get(id)?.version ?? 0) + 1
      if (write) this.known.set(id, { state: decodeState(encodeState(write.state)), version, position })
      else this.known.delete(id)
    }
    this.told.push(...plan.events)
    return plan.accepted.length > 0
  }
}

const add = (one: Readonly<Sums>, other: Readonly<Record<string, number | undefined>>): Sums => {
  const sums = { ...one }
  for (const [name, by = 0] of Object.entries(other)) sums[name] = (sums[name] ?? 0) + by
  return sums
}
/** A counter that is 0 is as good as none. */
const present = (sums: Readonly<Sums>): Sums =>
  Object.fromEntries(Object.entries(sums).filter(([, value]) => value !== 0))

const counters = fc.dictionary(fc.constantFrom('discovered', 'processed', 'failed', 'bytes'), fc.nat(20), {
  maxKeys: 2,
})
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('create' as const),
      counters,
      total: fc.option(fc.nat(30), { nil: undefined }),
      attempts: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('update' as const), increment: counters }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'fail',
        'complete',
        'cancel',
        'deadline',
        'remove',
        'again',
        'flush',
        'cancel remove',
        'cancel again',
      ),
    }),
  },
)
const history = fc.array(fc.record({ at: fc.nat(1_000), afterMs: fc.oneof(fc.constant(0), fc.nat(300)), step }), {
  minLength: 10,
  maxLength: 60,
  size: 'max',
})

function play(steps: readonly { at: number; afterMs: number; step: object }[]): World {
  const world = new World()
  world.create(undefined, { attempts: 3 })
  for (const { at, afterMs, step: given } of steps) {
    world.now += afterMs
    const { kind, ...more } = given as { kind: string; increment?: Sums }
    const id = world.ids[at % Math.max(1, world.ids.length)]
    if (kind.startsWith('cancel ') && id !== undefined) world.send(id, { action: 'cancel' })
    if (kind === 'create' || id === undefined) world.create(id, kind === 'create' ? more : {})
    else if (kind.endsWith('again')) world.again(id)
    else if (kind === 'update') world.send(id, { action: 'update', increment: more.increment ?? {} })
    else if (kind.endsWith('remove')) world.send(id, { action: 'remove' })
    else if (kind === 'fail')
      world.send(id, { action: 'fail', error: { code: 'error', message: 'No.', retryable: false } })
    else world.send(id, { action: kind as 'complete' | 'cancel' | 'deadline' | 'flush' })
  }
  return world
}

describe('groups, whatever comes, in whatever order', () => {
  test('J9: a parent is the exact sum of what it did and of what its children show', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const world = play(steps)
        world.rest()
        for (const [id, { state }] of world.known) {
          if (isEnded(state.job.status)) continue
          expect([id, present(state.job.counters)]).toEqual([id, present(world.expected(id))])
          const below = [...(world.members.get(id) ?? [])].map((member) => world.state(member))
          if ((world.left.get(id) ?? null) === null) {
            const totals = below.reduce((sum, each) => sum + (each?.job.total ?? 0), 0)
            const known = (world.own.get(id)?.discovered ?? 0) + totals
            expect(state.job.total ?? 0).toBe(Math.max(state.setTotal ?? 0, known))
          }
          const open = (of: string): number =>
            world.ids.filter((other) => {
              const each = world.state(other)
              return each?.ancestors.includes(of) === true && !isEnded(each.job.status)
            }).length
          expect(state.children?.open ?? 0).toBe(open(id))
        }
      }),
      { numRuns },
    )
  })

  test('J3, J4, J6: every job of a group keeps its rules: percent, versions, attempts, one end', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const world = play(steps)
        const last = new Map<string, { job: Job; ended: boolean }>()
        for (const { jobId, type, data } of world.told) {
          const before = last.get(jobId)
          expect(before?.ended ?? false).toBe(false)
          if (type === 'job.log') continue
          const job = data as Job
          expect(job.percent ?? 0).toBeLessThanOrEqual(100)
          if (before) {
            expect(job.version).toBeGreaterThan(before.job.version)
            expect(job.attempt - before.job.attempt).toBe(type === 'job.retrying' ? 1 : 0)
            if (type !== 'job.retrying') expect(job.percent ?? 0).toBeGreaterThanOrEqual(before.job.percent ?? 0)
          }
          last.set(jobId, { job, ended: isTerminalType(type) })
        }
        for (const [id, { state }] of world.known) {
          expect(state.ancestors.length).toBeLessThanOrEqual(3)
          expect(last.get(id)?.ended).toBe(isEnded(state.job.status))
          if (state.job.status === 'queued' && state.job.attempt === 1)
            for (const member of world.members.get(id) ?? []) {
              const startedAt = world.state(member)?.job.startedAt ?? null
              expect(startedAt).toBeNull()
            }
          // Nothing is owed after all: the last event is the state.
          if (!state.withheld) expect(last.get(id)?.job).toEqual(state.job)
        }
      }),
      { numRuns },
    )
  })

  test('J9: several commands in one step are the same as one after another', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ at: fc.nat(3), increment: counters }), { maxLength: 40 }), (updates) => {
        const make = (): World => {
          const world = new World()
          world.create(undefined, {})
          world.create('j0', { total: 5 })
          world.create('j0', {})
          world.create('j2', { total: 9 })
          return world
        }
        const [one, other] = [make(), make()]
        const items = updates.map(({ at, increment }) => ({
          jobId: `j${at}`,
          command: { action: 'update', increment } as const,
        }))
        for (const { jobId, command } of items) one.send(jobId, command)
        const plan = planOf((id) => other.known.get(id) ?? null, items, other.now)
        for (const [id, write] of plan.writes) expect(write?.state).toEqual(one.state(id))
        expect([...other.told, ...plan.events]).toEqual(one.told)
      }),
    )
  })
})
