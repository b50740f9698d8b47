import type { Outlet } from '../hub/outlet.js'
import type { Answer } from './answer.js'

/**
 * Takes a request that is not answered at once: a stream, or a poll that is held. Nothing waits for it meanwhile: what a
 * thousand held polls were called through would be most of what they keep in memory.
 */
export interface Carrier {
  /** Makes the outlet that carries a stream, with its response headers. */
  stream(headers: Readonly<Record<string, string>>): Outlet
  /** Answers, once, with what `make` returns or why it throws; it is called at once. */
  answer(make: () => Answer): void
}
