import type { GapNotice, SnapshotNotice } from './control.js'
import type { TidingsEvent } from './event.js'

/** The answer of one poll (spec §4): the same sequence that a stream would have sent. */
export interface PollBody {
  readonly protocol: number
  readonly events: readonly TidingsEvent[]
  /** From where to poll on. */
  readonly cursor: string
  /** False: there is more; poll again at once. */
  readonly upToDate: boolean
  readonly gaps?: readonly GapNotice[]
  /** Jobs as they stand, where a poll begins without a cursor and after a gap. */
  readonly snapshots?: readonly SnapshotNotice[]
  readonly heartbeatMs: number
}
