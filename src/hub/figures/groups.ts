import type { ClosedReport, ConnectionReport } from '../report.js'

/** Most sessions, and most addresses, that a node tells of: those with the most connections. */
export const mostGroups = 50

/** What one session or one address has open, and what it did lately. */
export interface Group {
  readonly name: string
  /** The user of a session. */
  readonly user?: string
  readonly connections: number
  /** Among the last 1,000 that closed. */
  readonly closed: number
  /** Of all these, those that came back with a cursor. */
  readonly reconnects: number
  /** Events sent on all these. */
  readonly sent: number
  /** Events a second over the life of what is open. */
  readonly perSecond: number
  readonly errors: number
  /** Of those that closed. */
  readonly averageDurationMs: number | null
}

/** Groups as nodes tell each other of them: sums, so that they can be added. */
export interface GroupSums extends Omit<Group, 'averageDurationMs'> {
  readonly durationMs: number
}

type Both = Pick<ConnectionReport, 'sent' | 'errors' | 'returned' | 'user' | 'transport'>

/** Groups by `nameOf`, whoever has none left out; the largest first. */
export function groupsOf(
  open: readonly ConnectionReport[],
  closed: readonly ClosedReport[],
  nameOf: (report: ConnectionReport | ClosedReport) => string | undefined,
  nowMs: number,
): GroupSums[] {
  const groups = new Map<string, GroupSums>()
  const add = (name: string | undefined, report: Both, more: Partial<GroupSums>): void => {
    if (name === undefined || report.transport === 'process') return
    const { sent, errors, returned, user } = report
    const sums = {
      ...nothing,
      sent,
      errors,
      reconnects: returned ? 1 : 0,
      ...(user !== undefined && { user }),
      ...more,
    }
    const before = groups.get(name)
    groups.set(name, before ? addGroups(before, { ...sums, name }) : { ...sums, name })
  }
  for (const report of open) {
    const perSecond = report.sent / Math.max(1, (nowMs - report.opened) / 1_000)
    add(nameOf(report), report, { connections: 1, perSecond })
  }
  for (const report of closed) add(nameOf(report), report, { closed: 1, durationMs: report.durationMs })
  return largest([...groups.values()])
}

const nothing = { connections: 0, closed: 0, reconnects: 0, sent: 0, perSecond: 0, errors: 0, durationMs: 0 }

const addGroups = (a: GroupSums, b: GroupSums): GroupSums => ({
  ...a,
  ...b,
  connections: a.connections + b.connections,
  closed: a.closed + b.closed,
  reconnects: a.reconnects + b.reconnects,
  sent: a.sent + b.sent,
  perSecond: a.perSecond + b.perSecond,
  errors: a.errors + b.errors,
  durationMs: a.durationMs + b.durationMs,
})

const largest = (groups: GroupSums[]): GroupSums[] =>
  groups
    .sort((a, b) => b.connections - a.connections || b.sent - a.sent || (a.name < b.name ? -1 : 1))
    .slice(0, mostGroups)

/** Those of several nodes, as people read them. */
export function joinGroups(nodes: readonly (readonly GroupSums[])[]): Group[] {
  const groups = new Map<string, GroupSums>()
  for (const sums of nodes.flat()) {
    const before = groups.get(sums.name)
    groups.set(sums.name, before ? addGroups(before, sums) : sums)
  }
  return largest([...groups.values()]).map(({ durationMs, ...group }) => ({
    ...group,
    perSecond: Math.round(group.perSecond * 100) / 100,
    averageDurationMs: group.closed === 0 ? null : Math.round(durationMs / group.closed),
  }))
}
