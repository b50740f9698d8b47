import type { DeclaredEvents, MaybeDeclared } from '../protocol/declared-events.js'

/**
 * What every hook is typed by. Filled once by the application, with what `defineEvents` returned (E2):
 *
 *     declare module 'tidings/react' {
 *       interface Register { events: typeof events }
 *     }
 */
// biome-ignore lint/suspicious/noEmptyInterface: applications fill it
export interface Register {}

/** What was declared, or that nothing was. */
export type Registered = Register extends { readonly events: infer Declared extends DeclaredEvents }
  ? Declared
  : Extract<undefined, MaybeDeclared>
