import { wait } from '../../clock.js'
import { TidingsError } from '../../errors.js'
import { Carrier } from './carrier.js'
import { Copier } from './copier.js'
import { LookAround } from './look-around.js'
import { Position, type Standing } from './position.js'
import { type Entry, isBehind, isThere, nowhere, placeOf, readEntries } from './queue.js'
import { Reconciliation } from './reconciliation.js'
import type { BullMQSettings } from './settings.js'
import { inParallel } from './parallel.js'

const blockMs = 5_000
const pauseMs = { from: 250, to: 5_000 } as const

/** Reads the queue's stream from where the jobs stand, and keeps that place. */
export class Bridge {
  readonly #settings: BullMQSettings
  readonly #position: Position
  readonly #copier: Copier
  readonly #carrier: Carrier
  readonly #lookAround: LookAround
  readonly #closing = new AbortController()
  #standing: Standing = { position: nowhere, lives: {} }
  #reading: Promise<void> = Promise.resolve()
  /** All that was in the stream has been copied, and it is being waited for more. */
  #isWaiting = false

  constructor(settings: BullMQSettings) {
    this.#settings = settings
    const { core, namespace, prefix, queue, onError } = settings
    this.#position = new Position(core.store, namespace, [prefix, queue.name])
    this.#copier = new Copier({ store: core.store, namespace, clock: core.clock, makeId: core.makeId, onError })
    this.#carrier = new Carrier(settings, this.#copier)
    this.#lookAround = new LookAround(settings, this.#carrier, () => this.#isWaiting)
  }

  idOf(bullId: string): string {
    return this.#carrier.idOf(bullId)
  }

  async open(): Promise<void> {
    await this.#settings.events.getBackend().waitUntilReady()
    const kept = await this.#position.load()
    if (kept) this.#adopt(kept)
    this.#reading = this.#read(kept === null)
    this.#lookAround.start()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#lookAround.stop()
    await this.#settings.events.close()
    await this.#reading
    this.#copier.close()
  }

  async #read(isFirst: boolean): Promise<void> {
    const { core, events, onError } = this.#settings
    const { signal } = this.#closing
    let failures = 0
    let begun = false
    while (!signal.aborted) {
      try {
        if (!begun) {
          await this.#takeOver(isFirst)
          begun = true
        }
        this.#isWaiting = true
        const entries = await readEntries(events, this.#standing.position, blockMs)
        this.#isWaiting = false
        if (entries.length > 0) await this.#copy(entries)
        failures = 0
      } catch (error) {
        this.#isWaiting = false
        if (signal.aborted || (error instanceof TidingsError && error.code === 'closed')) return
        // Once: while Redis or the store is away, every try fails alike.
        if (failures === 0) onError(error)
        await wait(core.clock, Math.min(pauseMs.to, pauseMs.from * 2 ** failures), signal)
        failures = Math.min(failures + 1, 10)
      }
    }
  }

  /** What happened since the last process. */
  async #takeOver(isFirst: boolean): Promise<void> {
    const { events } = this.#settings
    const { position } = this.#standing
    await this.#lookAround.rememberOpen()
    const entries = await readEntries(events, position, 1)
    if (entries.length > 0) return await this.#copy(entries)
    if (await isThere(events, position)) return
    await this.#reconcile(position, position, [])
    // Kept also where nothing has happened, so that the next start knows that there was one.
    if (isFirst) this.#adopt(await this.#position.save(this.#standing))
  }

  /** Copies what the stream tells, and from the queue what it has lost. The place is kept only after both. */
  async #copy(entries: readonly Entry[]): Promise<void> {
    const kept = await this.#position.load()
    // Gone: the store was emptied, and all that was copied with it.
    const before = kept ? this.#standing.position : nowhere
    const isWhole = await isThere(this.#settings.events, before)
    // Another node was faster.
    if (kept && isBehind(placeOf(kept.position), placeOf(before))) this.#adopt(kept)
    const from = placeOf(this.#standing.position)
    const fresh = entries.filter(({ at }) => isBehind(at, from))
    const last = fresh.at(-1)
    if (!last) return
    const byJob = new Map<string, Entry[]>()
    for (const entry of fresh) {
      if (entry.jobId === null) continue
      const some = byJob.get(entry.jobId) ?? []
      some.push(entry)
      byJob.set(entry.jobId, some)
    }
    await inParallel([...byJob], ([jobId, some]) => this.#carrier.carry(jobId, some))
    if (!isWhole) await this.#reconcile(before, last.id, byJob.keys())
    this.#adopt(await this.#position.save({ position: last.id, lives: this.#carrier.lives }))
  }

  /** `before`: where the copy stood; `position`: where it stands now; `told`: jobs of which it told something in between. */
  async #reconcile(before: string, position: string, told: Iterable<string>): Promise<void> {
    const reconciliation = new Reconciliation(this.#settings, this.#carrier, this.#closing.signal)
    await reconciliation.run(placeOf(before)[0], position, told)
  }

  #adopt(standing: Standing): void {
    this.#standing = standing
    this.#carrier.lives = standing.lives
  }
}
