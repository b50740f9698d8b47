/** `tidings/declare`: what server, workers and pages share. Runs everywhere; imports nothing of the hub and nothing of the client. */
export {
  type DataInput,
  type DeclaredEvents,
  type EventOf,
  type EventOfType,
  type EventSchemas,
  type FilterOf,
  type JobTidingsEvent,
  type MaybeDeclared,
  type TypeOf,
  defineEvents,
} from './protocol/declared-events.js'
export {
  type CounterOf,
  type DefinedJob,
  type JobDeclaration,
  type JobOf,
  type MetaOf,
  type NewJobOf,
  type ResultOf,
  defineJob,
} from './protocol/declared-job.js'
export {
  type Notification,
  type SystemAlert,
  custom,
  dashboardUpdated,
  everydayEvents,
  notification,
  reportUpdated,
  systemAlert,
  userUpdated,
} from './protocol/everyday.js'
export type { InputOf, OutputOf, Schema } from './protocol/schema.js'
