import type { Wanted } from './state.js'

/** Whether two connections would carry the same. As JSON, because topics may contain any separator. */
export const same = (a: Wanted | null | undefined, b: Wanted | null): boolean => JSON.stringify(a) === JSON.stringify(b)
