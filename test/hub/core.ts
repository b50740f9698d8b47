import { systemClock } from '#src/clock.js'
import { type ConnectRequest, HubCore, type HubParts } from '#src/hub/hub.js'
import type { Frame } from '#src/hub/frame.js'
import type { Outlet, OutletListener } from '#src/hub/outlet.js'
import { type GivenSettings, resolveSettings } from '#src/hub/settings.js'
import { uuidv7Ids } from '#src/ids.js'
import { systemRandom } from '#src/random.js'
import { memoryStore } from '#src/store/memory.js'
import type { Store } from '#src/store/store.js'

/** A hub without HTTP, rights and jobs. */
export async function coreOver(
  store: Store = memoryStore(),
  settings: GivenSettings = {},
  parts: Partial<HubParts> = {},
): Promise<HubCore> {
  await store.open()
  return new HubCore({
    store,
    clock: systemClock,
    random: systemRandom,
    makeId: uuidv7Ids(systemClock, systemRandom),
    settings: resolveSettings(settings),
    snapshots: { snapshot: async () => null },
    onError: (error) => {
      throw error
    },
    ...parts,
  })
}

export interface Seen {
  readonly name: string
  readonly payload: any
}

/** An outlet that a test opens and shuts: it counts characters as unsent until it is told to drain. */
export class TestOutlet implements Outlet {
  readonly transport = 'sse'
  readonly seen: Seen[] = []
  waiting = 0
  mostWaiting = 0
  open = true
  ended = false
  #listener: OutletListener | null = null
  #changed: (() => void)[] = []
  readonly limit: number

  constructor(limit = 64 * 1024) {
    this.limit = limit
  }

  listen(listener: OutletListener): this {
    this.#listener = listener
    return this
  }
  get full(): boolean {
    return this.waiting > this.limit
  }
  get hasUnsent(): boolean {
    return this.waiting > 0
  }
  get progress(): unknown {
    return this.waiting
  }
  push(frame: Frame): void {
    if (frame.envelope !== null) this.seen.push({ name: 'event', payload: JSON.parse(frame.envelope) })
    else if (frame.control) this.seen.push({ name: frame.control.name, payload: frame.control.payload })
    if (!this.open) this.waiting += frame.bytes.length
    this.mostWaiting = Math.max(this.mostWaiting, this.waiting)
    for (const changed of this.#changed.splice(0)) changed()
  }
  /** The socket takes everything again. */
  drain(): void {
    this.open = true
    this.waiting = 0
    this.#listener?.drained()
  }
  flush(): void {}
  settled(): void {}
  end(): void {
    this.ended = true
    for (const changed of this.#changed.splice(0)) changed()
    this.#listener?.gone()
  }
  abort(): void {
    this.end()
  }
  events(): any[] {
    return this.seen.filter((one) => one.name === 'event').map((one) => one.payload)
  }
  async until(reached: () => boolean): Promise<void> {
    while (!reached()) await new Promise<void>((resolve) => this.#changed.push(resolve))
  }
}

export async function connect(
  core: HubCore,
  request: Partial<ConnectRequest> & { topics: string[] },
  outlet = new TestOutlet(),
) {
  const connection = await core.connect(
    { namespace: 'default', types: null, named: true, start: { kind: 'now' }, ...request },
    () => outlet,
  )
  return { connection, outlet }
}
