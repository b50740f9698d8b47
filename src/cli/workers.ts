import cluster, { type Worker } from 'node:cluster'
import { systemClock } from '../clock.js'
import type { makeLog } from './log.js'

type Log = ReturnType<typeof makeLog>

/** A worker that fails is started again after this long, which doubles as long as none comes up. */
const restartFromMs = 1_000
const restartToMs = 30_000

/** What a worker tells: what is to be printed once all of them are ready. */
interface Ready {
  readonly ready: readonly string[]
}
/** What a worker is told. */
const end = 'end'

/** One that is just going cannot be told, and need not be. */
const tellEnd = (worker: Worker): void => void worker.send(end, () => {})

/** Whether this process is one of those that {@link superviseWorkers} started. */
export const isWorker = (): boolean => cluster.isWorker

/** Tells the process that started this one what to print. */
export const tellReady = (lines: readonly string[]): void => void process.send?.({ ready: lines } satisfies Ready)

/** Calls `stop` when the process that started this one says so. When that is gone, with the port, `node:cluster` ends this one. */
export function onEndOfWorkers(stop: () => void): void {
  process.on('message', (message) => void (message === end && stop()))
}

/**
 * Starts this program `count` times; each is a node of its own, and they share one port, whose connections are handed to them in
 * turn. One that ends is started again. Ends the process: with the failure of a worker that could not begin, or after a signal,
 * when all have drained; a second signal ends them at once.
 */
export function superviseWorkers(count: number, log: Log): void {
  const waiting = new Set<Worker>()
  let toStart = count
  let restartMs = restartFromMs
  let begun = false
  let ending = false

  const start = (): void => {
    if (ending) return
    const worker = cluster.fork()
    waiting.add(worker)
    worker.on('message', ({ ready }: Ready) => {
      if (!waiting.delete(worker)) return
      // It may have been told before it could hear.
      if (ending) return tellEnd(worker)
      restartMs = restartFromMs
      toStart--
      if (begun || toStart > 0) return
      begun = true
      process.stdout.write(`${ready.join('\n')}\n`)
      log.info({ workers: count }, 'ready')
    })
    worker.on('exit', (code, signal) => ended(worker, code, signal))
  }

  const ended = (worker: Worker, code: number | null, signal: string | null): void => {
    const isReady = !waiting.delete(worker)
    if (isReady) toStart++
    const { pid } = worker.process
    if (ending) {
      if (code !== 0) process.exitCode ||= 1
      return
    }
    // It has said why: the others would say the same.
    if (!begun) return stop(code ?? 1)
    log.error({ pid, code, signal, restartMs }, 'a worker has ended; another takes its place')
    // Without a worker nothing else keeps this process.
    systemClock.setTimer(start, restartMs, { keepsProcess: true })
    restartMs = Math.min(restartToMs, restartMs * 2)
  }

  /** The process ends by itself after the last of them. */
  const stop = (code: number): void => {
    ending = true
    process.exitCode = code
    for (const worker of Object.values(cluster.workers ?? {})) if (worker) tellEnd(worker)
    const left = (): number => Object.keys(cluster.workers ?? {}).length
    const leave = (): void => void (left() === 0 && process.exit())
    cluster.on('exit', leave)
    leave()
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (!ending) {
        log.info({ signal, workers: count }, 'draining')
        return stop(0)
      }
      log.warn({ signal }, 'ended at once')
      for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL')
      process.exit(1)
    })
  }
  for (let number = 0; number < count; number++) start()
}
