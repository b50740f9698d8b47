import type { Incoming } from '../auth/incoming.js'
import type { Access } from './access.js'
import { type Answer, jsonText } from './answer.js'
import type { Carrier } from './carrier.js'
import { openApiOf } from './openapi/document.js'
import type { HttpParts } from './parts.js'
import { getActivity } from './routes/activity.js'
import {
  deleteConnection,
  deleteConnections,
  getConnection,
  getConnections,
  pingConnections,
  postRevocation,
} from './routes/connections.js'
import { getDashboard } from './routes/dashboard.js'
import { getDiagnosis } from './routes/diagnosis.js'
import { getEvents, postEvents } from './routes/events.js'
import { getExplanation } from './routes/explanation.js'
import { getHealth, getReady } from './routes/health.js'
import { commandJob, deleteJob, getJob, getJobs, jobActions, postJob, retryJob } from './routes/jobs.js'
import { getMetrics } from './routes/metrics.js'
import { getStats } from './routes/stats.js'
import { postToken } from './routes/tokens.js'
import { deleteTopic, getTopic, getTopics } from './routes/topics.js'

/** One request, and what answers are made from. */
export interface Call {
  readonly parts: HttpParts
  readonly access: Access
  readonly request: Incoming
  readonly carrier: Carrier
  /** What stands for `{…}` in the path; empty where nothing does. */
  readonly name: string
}

/** Answers one method of one path; null: `carrier` took the request. */
export type Endpoint = (call: Call) => Promise<Answer | null> | Answer

export type Methods = Readonly<Partial<Record<string, Endpoint>>>

/** Every route of the hub (spec §4). A path has at most one `{…}`. */
export const routes: Readonly<Record<string, Methods>> = {
  '/events': {
    GET: ({ parts, access, request, carrier }) => getEvents(parts, access, request, carrier),
    POST: ({ parts, access, request }) => postEvents(parts, access, request),
  },
  '/jobs': {
    GET: ({ parts, access, request }) => getJobs(parts, access, request),
    POST: ({ parts, access, request }) => postJob(parts, access, request),
  },
  '/jobs/{id}': {
    GET: ({ parts, access, request, name }) => getJob(parts, access, request, name),
    PATCH: ({ parts, access, request, name }) => commandJob(parts, access, request, name, 'update'),
    DELETE: ({ parts, access, request, name }) => deleteJob(parts, access, request, name),
  },
  ...Object.fromEntries(
    jobActions.map((action): [string, Methods] => [
      `/jobs/{id}/${action}`,
      { POST: ({ parts, access, request, name }) => commandJob(parts, access, request, name, action) },
    ]),
  ),
  '/jobs/{id}/retry': { POST: ({ parts, access, request, name }) => retryJob(parts, access, request, name) },
  '/tokens': { POST: ({ parts, access, request }) => postToken(parts, access, request) },
  '/topics': { GET: ({ parts, access, request }) => getTopics(parts, access, request) },
  '/topics/{topic}': {
    GET: ({ parts, access, request, name }) => getTopic(parts, access, request, name),
    DELETE: ({ parts, access, request, name }) => deleteTopic(parts, access, request, name),
  },
  '/connections': {
    GET: ({ parts, access, request }) => getConnections(parts, access, request),
    DELETE: ({ parts, access, request }) => deleteConnections(parts, access, request),
  },
  '/connections/ping': { POST: ({ parts, access, request }) => pingConnections(parts, access, request) },
  '/connections/{id}': {
    GET: ({ parts, access, request, name }) => getConnection(parts, access, request, name),
    DELETE: ({ parts, access, request, name }) => deleteConnection(parts, access, request, name),
  },
  '/revocations': { POST: ({ parts, access, request }) => postRevocation(parts, access, request) },
  '/activity': { GET: ({ parts, access, request }) => getActivity(parts, access, request) },
  '/stats': { GET: ({ parts, access, request }) => getStats(parts, access, request) },
  '/dashboard': { GET: ({ parts, request }) => getDashboard(parts, request, '') },
  '/dashboard/{view}': { GET: ({ parts, request, name }) => getDashboard(parts, request, name) },
  '/diagnosis': { GET: ({ parts, access, request }) => getDiagnosis(parts, access, request) },
  '/explanation': { GET: ({ parts, access, request }) => getExplanation(parts, access, request) },
  '/metrics': { GET: ({ parts, access, request }) => getMetrics(parts, access, request) },
  '/health': { GET: ({ parts }) => getHealth(parts) },
  '/ready': { GET: ({ parts }) => getReady(parts) },
  '/openapi.json': { GET: () => ({ ...jsonText(description), constant: true }) },
}

const description = JSON.stringify(openApiOf(routes))

/** What a path leads to, with what stands for its `{…}`. */
export interface Route {
  readonly methods: Methods
  readonly name: string
}

const plainRoutes: ReadonlyMap<string, Route> = new Map(
  Object.entries(routes).flatMap(([path, methods = {}]) =>
    path.includes('{') ? [] : [[path, { methods, name: '' }] as const],
  ),
)

/** The same as {@link findRoute} for a path that is written as in the table, as nearly all are. */
export const plainRoute = (path: string): Route | undefined => plainRoutes.get(path)

/** The route of the decoded segments of a path; null where there is none. */
export function findRoute(path: readonly string[]): Route | null {
  const [first, second, third, ...more] = path
  if (first === undefined || more.length > 0) return null
  const exact = at(path.map(encodeURIComponent).join('/'))
  if (exact) return { methods: exact, name: '' }
  const parameter = parameters.get(first)
  if (second === undefined || parameter === undefined) return null
  const rest = third === undefined ? '' : `/${encodeURIComponent(third)}`
  const methods = at(`${first}/${parameter}${rest}`)
  return methods && { methods, name: second }
}

const at = (path: string): Methods | null => (Object.hasOwn(routes, `/${path}`) ? (routes[`/${path}`] ?? null) : null)

/** By first segment, what its second may be called: `jobs` → `{id}`. */
const parameters: ReadonlyMap<string, string> = new Map(
  Object.keys(routes).flatMap((path) => {
    const [, first, second] = path.split('/')
    return first !== undefined && second?.startsWith('{') ? [[first, second] as const] : []
  }),
)
