import { type ReactElement, useEffect, useState } from 'react'
import { lightClock } from '../clock.js'
import type { Job } from '../protocol/job.js'

export interface JobProgressProps {
  /** As `useJob` gives it; null while it is not known. */
  readonly job: Job | null
  /** What is in progress, for those who do not see where the bar stands. Default: the job's kind. */
  readonly label?: string
  /** What is written below the bar. Default: the job's message or stage and its percentage, and how it ended. */
  readonly text?: (job: Job | null) => string
  /** How long the bar stays after the job's end. Default 3,000; null: it stays. */
  readonly lingerMs?: number | null
  /** Added to the part's own class. */
  readonly className?: string
}

/** A job's bar: it moves by itself while nobody knows how much there is to do, says how the job ended, and leaves. */
export function JobProgress({
  job,
  label = job?.kind ?? 'Job',
  text = describeJob,
  lingerMs = 3_000,
  className = '',
}: JobProgressProps): ReactElement | null {
  const [left, setLeft] = useState<string | null>(null)
  const ended = job?.endedAt ? job.id : null
  useEffect(() => {
    if (ended && lingerMs !== null) return lightClock.setTimer(() => setLeft(ended), lingerMs).cancel
    return
  }, [ended, lingerMs])
  if (ended && ended === left) return null
  const status = job?.status
  const percent = status === 'completed' ? 100 : (job?.percent ?? undefined)
  const words = text(job)
  return (
    <div className={`tidings-job ${className}`} data-status={status}>
      <div
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={words}
      >
        <div style={{ width: percent === undefined ? percent : `${percent}%` }} />
      </div>
      {/* How it ended is announced; every step on the way would be too much. */}
      <p aria-live={ended ? 'polite' : 'off'}>{words}</p>
    </div>
  )
}

function describeJob(job: Job | null): string {
  if (!job) return 'Waiting'
  const { status, percent, message, stage, error } = job
  if (status === 'running') return `${message ?? stage ?? 'Running'}${percent === null ? '' : ` · ${percent} %`}`
  const word = status.replace(/./, (letter) => letter.toUpperCase())
  return status === 'failed' && error ? `${word}: ${error.message}` : word
}
