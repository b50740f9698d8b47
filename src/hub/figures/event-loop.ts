import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How late this process gets to its work. Each reading covers the time since the one before. */
export interface EventLoopDelay {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const resolutionMs = 10

/** Watches the event loop of this process. Where the runtime offers no such thing, readings are null. */
export class EventLoop {
  #monitor: ReturnType<typeof monitorEventLoopDelay> | null = null

  constructor() {
    try {
      this.#monitor = monitorEventLoopDelay({ resolution: resolutionMs })
      this.#monitor.enable()
    } catch {
      // Deno has none, and nothing else depends on it.
    }
  }

  read(): EventLoopDelay | null {
    const monitor = this.#monitor
    if (!monitor || monitor.count === 0) return null
    // It counts from tick to tick of its timer, so its resolution is in every reading.
    const late = (ns: number): number => Math.max(0, Math.round(ns / 1e4) / 100 - resolutionMs)
    const reading = {
      p50Ms: late(monitor.percentile(50)),
      p99Ms: late(monitor.percentile(99)),
      maxMs: late(monitor.max),
    }
    monitor.reset()
    return reading
  }

  close(): void {
    this.#monitor?.disable()
    this.#monitor = null
  }
}
