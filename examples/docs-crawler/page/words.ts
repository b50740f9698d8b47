import type { JobStatus } from 'tidings'

const whole = new Intl.NumberFormat('en')

export const count = (value: number): string => whole.format(value)

export function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export function bytes(value: number): string {
  if (value < 1_024) return `${value} B`
  const kilobytes = value / 1_024
  return kilobytes < 1_024
    ? `${kilobytes < 10 ? kilobytes.toFixed(1) : Math.round(kilobytes)} kB`
    : `${(kilobytes / 1_024).toFixed(1)} MB`
}

export const timeOfDay = (at: number): string => new Date(at).toLocaleTimeString('en-GB')

/** The address without scheme, as people read it. */
export const shortAddress = (url: string): string => url.replace(/^https?:\/\//, '').replace(/\/$/, '')

export function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return `${pathname}${search}`
}

export const statusWords: Record<JobStatus, string> = {
  queued: 'Waiting',
  running: 'Crawling',
  completed: 'Done',
  failed: 'Stopped',
  cancelled: 'Cancelled',
}
