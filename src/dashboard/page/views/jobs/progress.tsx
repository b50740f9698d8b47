import { Badge, type Tone } from '../../ui/badge.js'
import { classNames } from '../../ui/class-names.js'
import { count } from '../../ui/format.js'
import { type Job, hasEnded } from '../../hub/job.js'

const tones: Readonly<Record<Job['status'], Tone>> = {
  queued: 'neutral',
  running: 'accent',
  completed: 'good',
  failed: 'bad',
  cancelled: 'warn',
}

export const JobStatus = ({ status }: { status: Job['status'] }) => (
  <Badge tone={tones[status] ?? 'neutral'} dot>
    {status}
  </Badge>
)

const fills: Readonly<Record<Job['status'], string>> = {
  queued: 'bg-line-strong',
  running: 'bg-accent-fill',
  completed: 'bg-good',
  failed: 'bg-bad',
  cancelled: 'bg-warn',
}

/** A bar with its figure beside it; of a job that nobody knows the size of, what is done. */
export function JobProgress({ job }: { job: Job }) {
  const { percent, status } = job
  if (percent === null) {
    return <span className="figures text-xs text-muted">{hasEnded(job) ? '–' : `${count(doneOf(job))} done`}</span>
  }
  return (
    <span className="flex items-center gap-2.5">
      <span
        role="progressbar"
        aria-label={`Progress of ${job.id}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        className="h-1.5 min-w-8 flex-1 overflow-hidden rounded-full bg-raised"
      >
        <span
          className={classNames('block h-full rounded-full transition-[width] duration-200', fills[status])}
          style={{ width: `${percent}%` }}
        />
      </span>
      <span className="figures w-10 text-right text-xs text-muted">{percent} %</span>
    </span>
  )
}

const doneOf = ({ counters: { processed = 0, failed = 0, skipped = 0 } }: Job): number => processed + failed + skipped

/** `96 + 3 failed of 240` */
export function doneText(job: Job): string {
  const { processed = 0, failed = 0, skipped = 0 } = job.counters
  const extras = [failed > 0 && `${count(failed)} failed`, skipped > 0 && `${count(skipped)} skipped`].filter(Boolean)
  const of = job.total === null ? '' : ` of ${count(job.total)}`
  return `${[count(processed), ...extras].join(' + ')}${of}`
}
