import { V7Generator } from 'uuidv7'
import type { Clock } from './clock.js'
import type { Random } from './random.js'

/** Makes the ids of events, commands and jobs: UUIDv7 (RFC 9562), rising within one process. */
export type MakeId = () => string

export function uuidv7Ids(clock: Clock, random: Random): MakeId {
  const generator = new V7Generator({ nextUint32: () => Math.floor(random.fraction() * 0x1_0000_0000) })
  return () => generator.generateOrResetCore(Math.floor(clock.now()), 10_000).toString()
}
