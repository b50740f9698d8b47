import { once } from 'node:events'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { type DashboardOptions, createDashboard } from '#src/dashboard/index.js'
import { toNodeHandler } from '#src/http/node.js'
import { type HubOptions, createHub } from '#src/index.js'

export const secret = 'a secret that only the dashboard tests know'

/** A hub with a dashboard behind `node:http`, mounted at `basePath`, until the test ends. */
export async function serveHub({
  basePath = '',
  dashboard = {},
  ...options
}: Partial<Omit<HubOptions, 'dashboard'>> & { basePath?: string; dashboard?: DashboardOptions } = {}) {
  const hub = await createHub({ jwt: { secret }, dashboard: createDashboard(dashboard), limits: null, ...options })
  const server: Server = createServer(toNodeHandler(hub, { basePath })).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    await hub.close({ drainMs: 0 })
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { hub, origin, url: `${origin}${basePath}` }
}
