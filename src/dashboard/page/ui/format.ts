const whole = new Intl.NumberFormat('en')
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' })

/** `12,345` */
export const count = (value: number): string => whole.format(value)

/** `12.3K` */
export const compact = (value: number): string => short.format(value)

/** `64 KiB` */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`
  const power = Math.min(4, Math.floor(Math.log2(value) / 10))
  const amount = value / 1024 ** power
  return `${amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`
}

/** `340 ms`, `12 s`, `5 m 03 s`, `2 h 10 m`, `3 d 4 h` */
export function duration(ms: number): string {
  if (ms < 1) return ms <= 0 ? '0 ms' : `${ms.toFixed(2)} ms`
  if (ms < 1_000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
  const seconds = Math.floor(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} m ${String(seconds % 60).padStart(2, '0')} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, '0')} m`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** `14:03:59` */
export const timeOfDay = (unixMs: number): string => clock.format(unixMs)

/** `059`: what {@link timeOfDay} leaves out. */
export const millisecondsOf = (unixMs: number): string => String(Math.floor(unixMs % 1_000)).padStart(3, '0')

export const dateAndTime = (unixMs: number): string => date.format(unixMs)

/** `12 s ago`, `just now` */
export function ago(unixMs: number, nowMs = Date.now()): string {
  const ms = nowMs - unixMs
  return ms < 1_000 ? 'just now' : `${duration(ms)} ago`
}
