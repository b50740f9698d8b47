import type { DashboardOptions } from '../dashboard/index.js'
import type { HubOptions } from '../index.js'
import { dashboardSettings, planDashboard } from './dashboard-settings.js'
import { eventsSettings, planEvents } from './events-file.js'
import { hubSettings, planHub } from './hub-settings.js'
import { limitSettings, planLimits } from './limit-settings.js'
import { type ListenerPlan, listenerSettings, planListener } from './listener.js'
import { type ValuesOf, fallbacksOf, oneOf, text, whole } from './setting.js'
import { contradiction } from './refusal.js'
import { planSignIn, signInSettings } from './sign-in.js'
import { type ConfigFile, type Environment, type Flags, type Gathered, gather } from './sources.js'
import { refuseUnknownKeys, refuseUnknownVariables } from './sources.js'
import { type StorePlan, planStore, storeSettings } from './store.js'
import { target } from './target.js'

const processSettings = {
  host: text('--host <address>', 'address to listen on', { fallback: '127.0.0.1' }),
  port: whole('--port <number>', 'port to listen on, 0 for a free one', { fallback: 4000, least: 0, most: 65_535 }),
  workers: whole('--workers <number>', 'processes that share the port, each a node; takes --store redis://…', {
    fallback: 1,
    most: 64,
  }),
  logLevel: oneOf('--log-level <level>', 'least level of log lines', ['debug', 'info', 'warn', 'error', 'silent'], {
    fallback: 'info',
  }),
} as const

/** All that `tidings serve` can be told: each a flag, a variable and a key of `tidings.config` (spec H10). */
export const serveSettings = {
  ...processSettings,
  ...storeSettings,
  ...signInSettings,
  ...limitSettings,
  ...listenerSettings,
  ...dashboardSettings,
  ...eventsSettings,
  ...hubSettings,
} as const

/** Which file is read; it cannot say so itself. */
export const configSetting = text('--config <file>', 'settings in a file (default tidings.config.{ts,js,json} here)')

/** What to start, checked. */
export interface ServePlan {
  readonly host: string
  readonly port: number
  readonly workers: number
  readonly store: StorePlan
  readonly logLevel: string
  readonly listener: ListenerPlan
  readonly hub: HubOptions
  /** Null: none. */
  readonly dashboard: DashboardOptions | null
}

/** What was given and from where. Throws `option_invalid` naming a setting that is malformed or unknown. */
export function gatherServe(
  flags: Flags,
  environment: Environment,
  file: ConfigFile | null,
): Gathered<typeof serveSettings> {
  refuseUnknownVariables([...Object.values(serveSettings), ...Object.values(target), configSetting], environment)
  if (file) refuseUnknownKeys(serveSettings, file)
  return gather(serveSettings, flags, environment, file)
}

/** Throws `option_invalid` naming a setting that is missing, or that contradicts another one. */
export function planServe(values: ValuesOf<typeof serveSettings>): ServePlan {
  const events = planEvents(values)
  const { host, port, workers, logLevel } = { ...fallbacksOf(processSettings), ...values }
  const store = planStore(values)
  if (workers > 1 && store.kind !== 'redis') {
    const why = 'A file has one owner and memory is of one process: several take a Redis.'
    throw contradiction('--workers', `--store ${store.kind}`, why)
  }
  return {
    host,
    port,
    workers,
    logLevel,
    store,
    listener: planListener(values),
    dashboard: planDashboard(values, host),
    hub: {
      ...planHub(values),
      ...planSignIn(values, host),
      ...planLimits(values),
      ...(events && ({ events } as object)),
    },
  }
}
