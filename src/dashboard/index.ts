import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TidingsError } from '../errors.js'
import type { Answer } from '../http/answer.js'
import type { Dashboard } from '../http/routes/dashboard.js'
import { checkHosts } from './hosts.js'

export type { Dashboard } from '../http/routes/dashboard.js'
export { loopbackHosts } from './hosts.js'

export interface DashboardOptions {
  /**
   * The names by which browsers may call the page, as in `Host`, without port: `admin.example.com`; one that begins with `*.`
   * stands for all below it. A request by any other is refused with 403, which is what a rebound DNS name meets (T5). Default:
   * any name, for a hub that a proxy stands before. {@link loopbackHosts} are those of this machine.
   */
  readonly allowedHosts?: readonly string[]
}

const page = fileURLToPath(new URL('./page/', import.meta.url))

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Nothing of elsewhere, nothing written into the page, and in no frame (T20). */
const policy = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "object-src 'none'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * The live view of a hub (O1): `createHub({ dashboard: createDashboard(), … })` serves it at `/dashboard`, wherever the hub is
 * mounted. It reads and does everything over the hub's own routes, with the credential of whoever looks: all but signing in
 * takes the admin grant (A7). Throws `option_invalid`, also where the page is not in the installation.
 */
export function createDashboard(options: DashboardOptions = {}): Dashboard {
  const isAllowed = checkHosts(options.allowedHosts)
  const files = readPage()
  const html = files.get('index.html') as string

  return {
    answer({ address }, name) {
      if (!isAllowed(address.hostname)) {
        throw new TidingsError(
          'forbidden',
          `The dashboard is not to be called by the name "${address.hostname.slice(0, 200)}". Name it in "allowedHosts" (--dashboard-hosts) if it is yours.`,
          { field: 'Host' },
        )
      }
      const isFile = name.includes('.')
      if (!isFile) return documentOf(html.replace('<base href="./"', `<base href="${baseOf(address.pathname)}"`))
      const body = files.get(name)
      return body === undefined || name === 'index.html' ? null : asset(name, body)
    },
  }
}

/** From the address of a view to the folder of the page. The mount of the hub needs no telling: all addresses are relative. */
const baseOf = (pathname: string): string => (pathname.endsWith('/dashboard') ? 'dashboard/' : './')

const documentOf = (body: string): Answer => ({
  status: 200,
  headers: {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    'Content-Security-Policy': policy,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'X-Frame-Options': 'DENY',
  },
  body,
})

/** Its name holds a hash of what is in it. */
const asset = (name: string, body: string): Answer => ({
  status: 200,
  headers: {
    'Content-Type': types[extname(name)] ?? 'application/octet-stream',
    'Cache-Control': 'public, max-age=31536000, immutable',
  },
  body,
  constant: true,
})

/** All there is, at once: what was not in the folder then is never served, whatever a request names. */
function readPage(): ReadonlyMap<string, string> {
  const built = existsSync(`${page}index.html`)
  if (!built) {
    throw new TidingsError('option_invalid', 'The page of the dashboard is not built: run "npm run build".', {
      field: 'dashboard',
    })
  }
  return new Map(readdirSync(page).map((name) => [name, readFileSync(`${page}${name}`, 'utf8')]))
}
