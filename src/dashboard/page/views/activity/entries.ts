import type { Connection } from '../../hub/connections.js'
import { wordsOfReason } from '../../hub/connections.js'
import type { Stats } from '../../hub/stats.js'
import { count, duration } from '../../ui/format.js'

export type Kind = 'connected' | 'closed' | 'refused' | 'error'

export interface Entry {
  readonly key: string
  readonly at: number
  readonly kind: Kind
  readonly text: string
  /** What it is about, where it is about one. */
  readonly connection?: Connection
}

/** Of everything at most so many, the newest. */
const mostEntries = 2_000

/**
 * What happened to connections. `whole`: the open ones are all there are; with more, only how many came in each second is
 * known, which the series tells.
 */
export function entriesOfConnections(
  open: readonly Connection[],
  whole: boolean,
  closed: readonly Connection[],
  stats: Stats | undefined,
): Entry[] {
  const ends = closed.map((connection): Entry => {
    const { id, since, reason = 'gone', note, durationMs = 0 } = connection
    const words = `${wordsOfReason(reason)}${note ? ` (“${note}”)` : ''}, after ${duration(durationMs)}`
    return { key: `closed ${id}`, at: since, kind: 'closed', text: words, connection }
  })
  const begins = [...closed, ...(whole ? open : [])].map((connection): Entry => {
    const { id, opened, topics, returned } = connection
    const words = `${returned ? 'Came back' : 'Connected'} for ${topics.length === 1 ? topics[0] : `${topics.length} topics`}`
    return { key: `connected ${id}`, at: opened, kind: 'connected', text: words, connection }
  })
  const crowds = whole
    ? []
    : entriesOfSeries(
        stats,
        'connected',
        ({ opened }) => opened,
        (number) => `${count(number)} connected`,
      )
  return [...ends, ...begins, ...crowds]
}

type OfPoint = (point: Stats['series']['points'][number]) => number

/** What the series tells of: how many in each second. */
export function entriesOfSeries(
  stats: Stats | undefined,
  kind: Kind,
  of: OfPoint,
  words: (number: number) => string,
  before = Number.POSITIVE_INFINITY,
): Entry[] {
  return (stats?.series.points ?? [])
    .filter((point) => of(point) > 0 && point.at < before)
    .map((point) => ({ key: `${kind} ${point.at}`, at: point.at, kind, text: words(of(point)) }))
}

export const wordsOfRefusals = (number: number, codes = ''): string =>
  `${number === 1 ? 'A request was' : `${count(number)} requests were`} refused${codes && `: ${codes}`}`
export const wordsOfErrors = (number: number): string =>
  `${number === 1 ? 'A failure' : `${count(number)} failures`} that no caller heard of: the log of the hub has more`

/** Refusals and failures that were counted between two looks, with their codes. */
export function entriesBetween(before: Stats, after: Stats): Entry[] {
  const codes = Object.entries(after.refused)
    .map(([code, number]) => [code, number - (before.refused[code] ?? 0)] as const)
    .filter(([, number]) => number > 0)
  const refused = codes.reduce((sum, [, number]) => sum + number, 0)
  const errors = after.errors - before.errors
  const words = codes.map(([code, number]) => (number === 1 ? code : `${number} × ${code}`)).join(', ')
  return [
    ...(refused > 0
      ? [{ key: `refused ${after.at}`, at: after.at, kind: 'refused', text: wordsOfRefusals(refused, words) } as const]
      : []),
    ...(errors > 0
      ? [{ key: `error ${after.at}`, at: after.at, kind: 'error', text: wordsOfErrors(errors) } as const]
      : []),
  ]
}

export const newest = (entries: readonly Entry[]): Entry[] =>
  entries.toSorted((a, b) => b.at - a.at).slice(0, mostEntries)
