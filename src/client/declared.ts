import type { EventOf, EventOfType, FilterOf, MaybeDeclared } from '../protocol/declared-events.js'
import type { Handler, Handlers } from './topics.js'

/** {@link Handlers} by what was declared (E2): a handler of a declared type gets the output of its schema. */
export type HandlersOf<Declared extends MaybeDeclared> = [Declared] extends [undefined]
  ? Handlers
  : {
      // biome-ignore lint/suspicious/noExplicitAny: of a type that nobody declared nobody knows the shape of `data`
      readonly [Type in FilterOf<Declared>]?: (event: EventOfType<Declared, Type, any>) => unknown
    } & { readonly '*'?: (event: EventOf<Declared>) => unknown }

export type HandlerOf<Declared extends MaybeDeclared, Type extends string> = [Declared] extends [undefined]
  ? Handler
  : Type extends '*'
    ? (event: EventOf<Declared>) => unknown
    : // biome-ignore lint/suspicious/noExplicitAny: as above
      (event: EventOfType<Declared, Type, any>) => unknown
