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
}
