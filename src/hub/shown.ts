import { type TidingsEvent, decodeEnvelope } from '../protocol/event.js'

/** The event of an envelope, for functions of the application that see it before others do: they cannot change it. */
export const shownOf = (envelope: string): TidingsEvent => frozen(decodeEnvelope(envelope))

export function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) frozen(part)
  }
  return value
}
