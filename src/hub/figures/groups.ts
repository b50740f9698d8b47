import type { TypeCount } from '../sent-types.js'

/** Most sessions, and most addresses, that a node tells of: those with the most connections. */
const mostGroups = 50
/** Most types that a group tells of: the most frequent. */
const mostTypes = 20

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
  /** Of these, the most frequent types first; a connection keeps its first ten apart. */
  readonly byType: readonly TypeCount[]
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

/** What a group is made of: one open connection, or, with a duration, one that closed. */
export interface Member {
  readonly user?: string | undefined
  readonly session?: string | undefined
  readonly address?: string | undefined
  readonly sent: number
  readonly byType?: readonly TypeCount[]
  readonly errors: number
  readonly returned: boolean
  readonly opened: number
  readonly durationMs?: number
}

type Sums = { -readonly [Name in keyof Omit<GroupSums, 'byType'>]: GroupSums[Name] } & {
  readonly types: Map<string, number>
}

/** Groups by `nameOf`, whoever has none left out; the largest first. Ten thousand are read at once: sums are added in place. */
export function groupsOf(
  members: readonly Member[],
  nameOf: (member: Member) => string | undefined,
  nowMs: number,
): GroupSums[] {
  const groups = new Map<string, Sums>()
  for (const member of members) {
    const name = nameOf(member)
    if (name === undefined) continue
    let sums = groups.get(name)
    if (!sums) {
      sums = {
        name,
        connections: 0,
        closed: 0,
        reconnects: 0,
        sent: 0,
        perSecond: 0,
        errors: 0,
        durationMs: 0,
        types: new Map(),
      }
      if (member.user !== undefined) sums.user = member.user
      groups.set(name, sums)
    }
    sums.sent += member.sent
    addTypes(sums.types, member.byType ?? [])
    sums.errors += member.errors
    if (member.returned) sums.reconnects++
    if (member.durationMs === undefined) {
      sums.connections++
      sums.perSecond += member.sent / Math.max(1, (nowMs - member.opened) / 1_000)
    } else {
      sums.closed++
      sums.durationMs += member.durationMs
    }
  }
  return largest([...groups.values()]).map(({ types, ...sums }) => ({ ...sums, byType: mostFrequent(types) }))
}

function addTypes(types: Map<string, number>, more: readonly TypeCount[]): void {
  for (const { type, count } of more) types.set(type, (types.get(type) ?? 0) + count)
}

const mostFrequent = (types: ReadonlyMap<string, number>): TypeCount[] =>
  [...types]
    .map(([type, count]) => ({ type, count }))
    .sort((a, b) => b.count - a.count || (a.type < b.type ? -1 : 1))
    .slice(0, mostTypes)

function addGroups(a: GroupSums, b: GroupSums): GroupSums {
  const types = new Map<string, number>()
  for (const { byType } of [a, b]) addTypes(types, byType)
  return {
    ...a,
    ...b,
    byType: mostFrequent(types),
    connections: a.connections + b.connections,
    closed: a.closed + b.closed,
    reconnects: a.reconnects + b.reconnects,
    sent: a.sent + b.sent,
    perSecond: a.perSecond + b.perSecond,
    errors: a.errors + b.errors,
    durationMs: a.durationMs + b.durationMs,
  }
}

const largest = <Ranked extends Pick<Group, 'name' | 'connections' | 'sent'>>(groups: Ranked[]): Ranked[] =>
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
