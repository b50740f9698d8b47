/**
 * What the bridge uses of BullMQ (6 and later), by shape: a `QueueEvents` and a `Queue` fit, whatever store they work on. The
 * bridge imports nothing of the package, so its version is the application's choice.
 */
export interface BullQueueEvents {
  readonly name: string
  readonly opts: object
  getBackend(): {
    waitUntilReady(): Promise<void>
    /** Entries of the queue's event stream behind `id`; waits up to `blockMs` for the first. */
    readEvents(
      id: string,
      blockMs: number,
    ): Promise<readonly (readonly [string, readonly RawEntry[]])[] | null | undefined>
  }
  close(): Promise<void>
}

type RawEntry = readonly [id: string, fields: readonly string[]]

export interface BullQueue {
  readonly name: string
  readonly opts: object
  getJob(jobId: string): Promise<BullJob | undefined>
  getJobState(jobId: string): Promise<string>
  getJobLogs(jobId: string, start?: number, end?: number): Promise<{ readonly logs: readonly string[] }>
  // biome-ignore lint/suspicious/noExplicitAny: BullMQ's own names of states, which grow with its versions
  getRanges(types: any, start?: number, end?: number, asc?: boolean): Promise<readonly string[]>
}

export interface BullJob {
  readonly id?: string | undefined
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: what the application put there
  readonly data: any
  readonly opts: { readonly attempts?: number | undefined }
  readonly delay?: number | undefined
  readonly progress: unknown
  readonly returnvalue: unknown
  readonly failedReason?: string | undefined
  readonly attemptsMade: number
  readonly stalledCounter?: number | undefined
  readonly finishedOn?: number | undefined
}

/** One entry of the queue's event stream. */
export interface Entry {
  readonly id: string
  /** Its id as numbers: entries are in the order of these. */
  readonly at: readonly [ms: number, seq: number]
  readonly event: string
  readonly jobId: string | null
  readonly fields: Readonly<Record<string, string>>
}

export const nowhere = '0-0'

/** What the keys of a queue in Redis begin with; two queues of one name are told apart by it. */
export const prefixOf = ({ opts }: { readonly opts: object }): string => (opts as { prefix?: string }).prefix ?? 'bull'

/** The entries behind `id`. */
export async function readEntries(events: BullQueueEvents, id: string, blockMs: number): Promise<Entry[]> {
  const streams = await events.getBackend().readEvents(id, blockMs)
  return (streams?.[0]?.[1] ?? []).map(([entryId, raw]) => {
    const fields: Record<string, string> = {}
    for (let at = 0; at + 1 < raw.length; at += 2) fields[raw[at] as string] = raw[at + 1] as string
    return { id: entryId, at: placeOf(entryId), event: fields.event ?? '', jobId: fields.jobId ?? null, fields }
  })
}

/** Whether the stream still has the entry, so that nothing behind it has been trimmed. */
export async function isThere(events: BullQueueEvents, id: string): Promise<boolean> {
  const [ms, seq] = placeOf(id)
  if (ms === 0) return false
  const before = seq > 0 ? `${ms}-${seq - 1}` : `${ms - 1}-18446744073709551615`
  return (await readEntries(events, before, 1))[0]?.id === id
}

export function placeOf(id: string): readonly [number, number] {
  const [ms = '0', seq = '0'] = id.split('-')
  return [Number(ms), Number(seq)]
}

/** Whether a place lies behind another; where one has more numbers, those count last. */
export function isBehind(one: readonly number[], other: readonly number[]): boolean {
  for (let at = 0; at < Math.max(one.length, other.length); at++) {
    const difference = (one[at] ?? 0) - (other[at] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return false
}
