import type { Clock, Timer } from '../clock.js'
import type { Position } from '../protocol/cursor.js'
import { type Job, jobEventTypes } from '../protocol/job.js'
import { jobTopic } from '../protocol/topic.js'
import type { Announcement, Following, Store, StoredEvent } from '../store/store.js'
import { decodeState } from './state.js'

type Changed = (job: Job) => void

interface Watched {
  readonly namespace: string
  /** By topic. */
  readonly readers: Map<string, Set<Changed>>
  /** Null until the feed runs: a store that is away is followed when it is back. */
  following: Following | null
  /** The last number heard. */
  heard: Position | null
  retry: Timer | null
}

/** Between tries to follow a store on the network that says it is there. */
const retryMs = 1_000

/** Tells workers of this process how their jobs change elsewhere: one feed a namespace, only while somebody listens. */
export class Watch {
  readonly #store: Store
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  readonly #namespaces = new Map<string, Watched>()
  readonly #unwatchStore: (() => void) | undefined

  constructor(store: Store, clock: Clock, onError: (error: unknown) => void) {
    this.#store = store
    this.#clock = clock
    this.#onError = onError
    this.#unwatchStore = store.availability?.watch((available) => {
      if (available) for (const watched of this.#namespaces.values()) this.#recover(watched)
    })
  }

  /** Calls `changed` with the job as it is and then with each newer version, until the returned function is called. */
  follow(namespace: string, jobId: string, changed: Changed): () => void {
    const watched = this.#namespaces.get(namespace) ?? this.#watch(namespace)
    const topic = jobTopic(jobId)
    let version = 0
    const newer: Changed = (job) => {
      if (job.version <= version) return
      version = job.version
      changed(job)
    }
    const readers = watched.readers.get(topic) ?? new Set()
    watched.readers.set(topic, readers.add(newer))
    if (watched.following) this.#tell(namespace, topic, readers)
    return () => {
      // Called twice it must not touch what others have begun to follow since.
      if (!readers.delete(newer)) return
      if (readers.size === 0) watched.readers.delete(topic)
      if (watched.readers.size === 0) this.#unwatch(watched)
    }
  }

  close(): void {
    this.#unwatchStore?.()
    for (const watched of this.#namespaces.values()) this.#unwatch(watched)
  }

  #watch(namespace: string): Watched {
    const watched: Watched = { namespace, readers: new Map(), following: null, heard: null, retry: null }
    this.#namespaces.set(namespace, watched)
    this.#begin(watched)
    return watched
  }

  #begin(watched: Watched): void {
    const { namespace } = watched
    this.#store
      .follow(namespace, {
        announced: (announcements) => {
          for (const announcement of announcements) this.#hear(watched, announcement)
        },
        interrupted: () => this.#tellAll(watched),
        probed: () => {},
      })
      .then(
        (following) => {
          if (this.#namespaces.get(namespace) !== watched || watched.following) return following.close()
          watched.following = following
          watched.heard ??= following.position
          this.#tellAll(watched)
        },
        (error: unknown) => this.#failed(watched, error),
      )
  }

  /** A worker that is not told of a cancel works on for nothing, so following is not given up. */
  #failed(watched: Watched, error: unknown): void {
    this.#onError(error)
    if (this.#namespaces.get(watched.namespace) !== watched) return
    const { availability } = this.#store
    // A store of this process that cannot be followed is closed: who asks anew is answered so.
    if (!availability) this.#namespaces.delete(watched.namespace)
    if (!availability?.available) return
    watched.retry ??= this.#clock.setTimer(() => this.#recover(watched), retryMs)
  }

  #recover(watched: Watched): void {
    watched.retry?.cancel()
    watched.retry = null
    // What changed meanwhile was announced to nobody.
    if (watched.following) this.#tellAll(watched)
    else this.#begin(watched)
  }

  #unwatch(watched: Watched): void {
    if (this.#namespaces.get(watched.namespace) === watched) this.#namespaces.delete(watched.namespace)
    watched.retry?.cancel()
    watched.following?.close()
  }

  #hear(watched: Watched, announcement: Announcement): void {
    const { epoch, seq, prev } = announcement
    const { heard } = watched
    if (heard && heard.epoch === epoch && seq <= heard.seq) return
    watched.heard = { epoch, seq }
    if (heard && (heard.epoch !== epoch || heard.seq !== prev)) this.#tellAll(watched)
    else this.#take(watched.namespace, watched.readers, announcement)
  }

  #tellAll({ namespace, readers }: Watched): void {
    for (const [topic, set] of readers) this.#tell(namespace, topic, set)
  }

  #take(namespace: string, readers: Watched['readers'], { topics, event }: Announcement): void {
    for (const topic of topics) {
      const set = readers.get(topic)
      if (!set) continue
      const job = event && jobOf(event)
      // Absent: too large to announce, or an event that is no job; the first has to be read.
      if (job) for (const changed of set) changed(job)
      else if (!event) this.#tell(namespace, topic, set)
    }
  }

  #tell(namespace: string, topic: string, set: ReadonlySet<Changed>): void {
    this.#store.state(namespace, topic).then(({ state }) => {
      if (!state) return
      const { job } = decodeState(state.value)
      for (const changed of set) changed(job)
    }, this.#onError)
  }
}

const carriesJob: ReadonlySet<string> = new Set(
  Object.values(jobEventTypes).filter((type) => type !== jobEventTypes.log),
)

function jobOf({ type, body }: StoredEvent): Job | null {
  return carriesJob.has(type) ? (JSON.parse(`{${body}}`) as { data: Job }).data : null
}
