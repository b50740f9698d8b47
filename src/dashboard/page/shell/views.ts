import {
  Cable,
  FlaskConical,
  Hash,
  HeartPulse,
  LayoutDashboard,
  ListChecks,
  type LucideIcon,
  Radio,
  ScrollText,
  Send,
} from 'lucide-react'
import { type ComponentType, type LazyExoticComponent, lazy } from 'react'

export interface View {
  /** The last segment of the address; empty: the first view. Letters and hyphens alone: the server part takes dots for files. */
  readonly path: string
  readonly name: string
  readonly icon: LucideIcon
  readonly component: LazyExoticComponent<ComponentType>
}

/** The views in the order of the menu. Each is a file of `views/` that loads when it is opened. */
export const views: readonly View[] = [
  { path: '', name: 'Overview', icon: LayoutDashboard, component: lazy(() => import('../views/overview.js')) },
  { path: 'connections', name: 'Connections', icon: Cable, component: lazy(() => import('../views/connections.js')) },
  { path: 'events', name: 'Events', icon: Radio, component: lazy(() => import('../views/events.js')) },
  { path: 'topics', name: 'Topics', icon: Hash, component: lazy(() => import('../views/topics.js')) },
  { path: 'jobs', name: 'Jobs', icon: ListChecks, component: lazy(() => import('../views/jobs.js')) },
  { path: 'publish', name: 'Publish', icon: Send, component: lazy(() => import('../views/publish.js')) },
  { path: 'try', name: 'Try it', icon: FlaskConical, component: lazy(() => import('../views/try.js')) },
  { path: 'activity', name: 'Activity', icon: ScrollText, component: lazy(() => import('../views/activity.js')) },
  { path: 'health', name: 'Health', icon: HeartPulse, component: lazy(() => import('../views/health.js')) },
]
