import { type DashboardOptions, loopbackHosts } from '../dashboard/index.js'
import { isLoopback } from './loopback.js'
import { contradiction } from './refusal.js'
import { type ValuesOf, list, listed, oneOf } from './setting.js'

/** The live view of a stand-alone hub (O1). */
export const dashboardSettings = {
  dashboard: oneOf('--dashboard <on|off>', 'the live view at /dashboard', ['on', 'off'], { fallback: 'on' }),
  dashboardHosts: list(
    '--dashboard-hosts <names>',
    'names by which browsers may call it; unless given any, and on a loopback address those of this machine',
  ),
} as const

/** Null: none. Behind a proxy on the same machine browsers come by its name, which then has to be given (T5). */
export function planDashboard(values: ValuesOf<typeof dashboardSettings>, host: string): DashboardOptions | null {
  const { dashboard = 'on', dashboardHosts } = values
  if (dashboard === 'off') {
    if (dashboardHosts !== undefined) throw contradiction('--dashboard-hosts', '--dashboard off')
    return null
  }
  if (dashboardHosts !== undefined) return { allowedHosts: listed(dashboardHosts) }
  return isLoopback(host) ? { allowedHosts: loopbackHosts } : {}
}
