import type { Reader } from './reader.js'
import type { Start } from './start.js'

/** What a reader asked for. */
export interface ConnectionOptions {
  readonly topics: readonly string[]
  readonly types: readonly string[] | null
  /** Whether `event:` carries the type. */
  readonly named: boolean
  readonly start: Start
  /** Unix ms at which the rights end. */
  readonly expiresAt?: number | undefined
  /** Its place in the limits: let go of when the connection is gone, perhaps more than once. */
  readonly place?: { release(): void } | undefined
  /** Absent: a reader in this process. */
  readonly reader?: Reader | undefined
  /** Of the revocations, when its credential was read. */
  readonly generation?: number | undefined
  /** Where it came from, as far as limits count it: of IPv6 the /64. */
  readonly address?: string | undefined
  /** As the request said it. */
  readonly userAgent?: string | undefined
  /** What the reader calls itself. */
  readonly name?: string | undefined
}
