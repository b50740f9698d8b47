export interface Load {
  events: number
  bytes: number
}

/** What is on its way to the store and unanswered, all together and by namespace. */
export class UnderWay {
  readonly #limits: Readonly<Load>
  readonly #all: Load = { events: 0, bytes: 0 }
  readonly #byNamespace = new Map<string, Load>()

  constructor(limits: Readonly<Load>) {
    this.#limits = limits
  }

  get empty(): boolean {
    return this.#all.events === 0
  }

  begin(namespace: string, events: number, bytes: number): void {
    const own = this.#byNamespace.get(namespace) ?? { events: 0, bytes: 0 }
    this.#byNamespace.set(namespace, own)
    count(this.#all, events, bytes)
    count(own, events, bytes)
  }

  end(namespace: string, events: number, bytes: number): void {
    const own = this.#byNamespace.get(namespace)
    if (!own) return
    count(this.#all, -events, -bytes)
    count(own, -events, -bytes)
    if (own.events === 0) this.#byNamespace.delete(namespace)
  }

  /**
   * Over the limit only those namespaces are refused that have more than an equal share under way: the others need not
   * suffer for them. Over twice the limit all are.
   */
  hasRoom(namespace: string, events: number, bytes: number): boolean {
    const all = { events: this.#all.events + events, bytes: this.#all.bytes + bytes }
    if (fits(all, this.#limits, 1)) return true
    const own = this.#byNamespace.get(namespace)
    const sharers = this.#byNamespace.size + (own ? 0 : 1)
    const wanted = { events: (own?.events ?? 0) + events, bytes: (own?.bytes ?? 0) + bytes }
    return fits(all, this.#limits, 2) && fits(wanted, this.#limits, 1 / sharers)
  }
}

function count(load: Load, events: number, bytes: number): void {
  load.events += events
  load.bytes += bytes
}

const fits = (load: Readonly<Load>, limits: Readonly<Load>, times: number): boolean =>
  load.events <= limits.events * times && load.bytes <= limits.bytes * times
