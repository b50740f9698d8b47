import type { Clock } from '../clock.js'
import type { Position } from '../protocol/cursor.js'
import type { Job } from '../protocol/job.js'
import type { Store, StoredEvent } from '../store/store.js'
import type { Connection } from './connection.js'
import type { Counters } from './counters.js'
import type { EncodedEvent } from './frame.js'
import type { EventFilter } from './gate.js'
import type { Pings } from './pings.js'
import type { ReturnTimes } from './return-times.js'
import type { HubSettings } from './settings.js'
import type { StorePresence } from './store-presence.js'
import type { Wheel } from './wheel.js'

/** What `jobs` fills in: the state of a job topic, for readers that begin without a cursor. */
export interface Snapshots {
  /** The job, and the position from which its events go on; null where there is none. */
  snapshot(namespace: string, topic: string): Promise<{ readonly job: Job; readonly position: Position } | null>
}

/** What connections need of their hub. */
export interface HubContext {
  readonly store: Store
  readonly settings: HubSettings
  readonly counters: Counters
  readonly wheel: Wheel
  readonly clock: Clock
  readonly presence: StorePresence
  readonly filter: EventFilter | null
  readonly returns: ReturnTimes
  readonly pings: Pings
  encode(event: StoredEvent, epoch: string): EncodedEvent
  snapshot: Snapshots['snapshot']
  hasEnded(namespace: string, topic: string): Promise<boolean>
  onError(error: unknown, stage: string): void
  /** Resolves when what was revoked while the store was away has been read; null: nothing is being read. */
  rightsKnown(): Promise<void> | null
  forget(connection: Connection): void
}
