import { type Job, jobEventTypes } from '../protocol/job.js'
import { jobTopic } from '../protocol/topic.js'
import type { Announcement, Following, Store, StoredEvent } from '../store/store.js'
import { decodeState } from './state.js'

type Changed = (job: Job) => void

interface Watched {
  readonly following: Promise<Following>
  /** By topic. */
  readonly readers: Map<string, Set<Changed>>
}

/** Tells workers of this process how their jobs change elsewhere: one feed a namespace, only while somebody listens. */
export class Watch {
  readonly #store: Store
  readonly #onError: (error: unknown) => void
  readonly #namespaces = new Map<string, Watched>()

  constructor(store: Store, onError: (error: unknown) => void) {
    this.#store = store
    this.#onError = onError
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
    watched.following.then(
      () => this.#tell(namespace, topic, readers),
      () => {},
    )
    return () => {
      // Called twice it must not touch what others have begun to follow since.
      if (!readers.delete(newer)) return
      if (readers.size === 0) watched.readers.delete(topic)
      if (watched.readers.size === 0) this.#unwatch(namespace, watched)
    }
  }

  close(): void {
    for (const [namespace, watched] of this.#namespaces) this.#unwatch(namespace, watched)
  }

  #watch(namespace: string): Watched {
    const readers = new Map<string, Set<Changed>>()
    const following = this.#store.follow(namespace, {
      announced: (announcements) => {
        for (const announcement of announcements) this.#take(namespace, readers, announcement)
      },
      interrupted: () => {
        for (const [topic, set] of readers) this.#tell(namespace, topic, set)
      },
      probed: () => {},
    })
    const watched = { following, readers }
    this.#namespaces.set(namespace, watched)
    following.catch((error) => {
      if (this.#namespaces.get(namespace) === watched) this.#namespaces.delete(namespace)
      this.#onError(error)
    })
    return watched
  }

  #unwatch(namespace: string, watched: Watched): void {
    if (this.#namespaces.get(namespace) === watched) this.#namespaces.delete(namespace)
    watched.following.then(
      (following) => following.close(),
      () => {},
    )
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
