import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Queue, QueueEvents, type QueueOptions, Worker, type WorkerOptions, type Processor } from 'bullmq'
import { onTestFinished } from 'vitest'
import { type Hub, type Job, type TidingsEvent, type Store, createHub } from '#src/index.js'
import { type BullMQBridge, type BullMQOptions, fromBullMQ } from '#src/jobs/bullmq/index.js'
import { type JobLogLine, isTerminalType } from '#src/protocol/job.js'
import { sqliteStore } from '#src/store/sqlite.js'

/** A queue of its own for each test: they share one Redis. */
let queues = 0

export interface Bench {
  readonly queue: Queue
  readonly connection: { readonly path: string }
  /** A BullMQ worker as anybody writes it: it knows nothing of Tidings. */
  work(processor: Processor, options?: Partial<WorkerOptions>): Worker
  bridge(hub: Hub, options?: Partial<BullMQOptions>): Promise<BullMQBridge>
}

export function benchOf(path: string, options: Partial<QueueOptions> = {}): Bench {
  const connection = { path }
  const name = `video-${++queues}-${process.pid}`
  const queue = new Queue(name, { connection, ...options })
  // Some tests take Redis away.
  queue.on('error', () => {})
  // In this order: workers, bridges, queue.
  const closing: (() => Promise<unknown>)[] = []
  onTestFinished(async () => {
    for (const close of closing.reverse()) await close()
    await queue.close()
  })
  return {
    queue,
    connection,
    work(processor, more) {
      const worker = new Worker(name, processor, { connection, ...more })
      worker.on('error', () => {})
      closing.push(() => worker.close(true))
      return worker
    },
    async bridge(hub, more) {
      const events = new QueueEvents(name, {
        connection,
        autorun: false,
        ...(options.prefix && { prefix: options.prefix }),
      })
      events.on('error', () => {})
      closing.push(() => events.close())
      const given = { hub, queue, owner: ({ data }: { readonly data: { userId?: string } }) => data.userId ?? null }
      const bridge = await fromBullMQ(events, { ...given, lookMs: 100, ...more })
      closing.push(() => bridge.close())
      return bridge
    },
  }
}

export async function openHub(store?: Store): Promise<Hub & { readonly errors: unknown[] }> {
  const errors: unknown[] = []
  const hub = await createHub({
    authenticate: () => null,
    ...(store && { store }),
    onError: (error) => errors.push(error),
  })
  onTestFinished(() => hub.close({ drainMs: 0 }).catch(() => {}))
  return Object.assign(hub, { errors })
}

export async function sqliteFile(): Promise<(() => Store) & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-bullmq-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, 'tidings.db')
  return Object.assign(() => sqliteStore(path), { path })
}

/** The events of a job's topic until `isLast`, from the first. */
export async function history(
  hub: Hub,
  id: string,
  isLast: (event: TidingsEvent) => boolean = ({ type }) => isTerminalType(type),
): Promise<{ readonly type: string; readonly job: Job }[]> {
  const seen: { type: string; job: Job }[] = []
  for await (const event of hub.subscribe([`job:${id}`], { since: 'start' })) {
    seen.push({ type: event.type, job: event.data as Job })
    if (isLast(event)) break
  }
  return seen
}

export const typesOf = (events: readonly { readonly type: string }[]): string[] => events.map(({ type }) => type)

/** Holds a worker until the test lets it go. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open: () => open() }
}

/** Resolves when the job satisfies `is`. */
export async function until(hub: Hub, id: string, is: (job: Job) => boolean): Promise<Job> {
  const job = await hub.jobs.snapshot(id)
  if (job && is(job)) return job
  for await (const { type, data } of hub.subscribe([`job:${id}`], { since: job?.cursor ?? 'start' })) {
    if (type !== 'job.log' && is(data as Job)) return data as Job
  }
  throw new Error('unreachable')
}

/** The log of a job as its events told it. */
export const linesOf = (events: readonly { readonly type: string; readonly job: Job }[]): string[] =>
  events
    .filter(({ type }) => type === 'job.log')
    .flatMap(({ job }) => (job as unknown as { readonly lines: readonly JobLogLine[] }).lines)
    .map(({ message }) => message)
