import type { Wanted } from './state.js'

/** Whether two connections would carry the same. */
export const same = (a: Wanted, b: Wanted): boolean => a.own === b.own && `${a.topics}` === `${b.topics}`
