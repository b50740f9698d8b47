import { Ban, RotateCcw } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { toast } from 'sonner'
import { type Job, hasEnded } from '../../hub/job.js'
import { request } from '../../hub/request.js'
import { Button } from '../../ui/button.js'
import { Confirm } from '../../ui/confirm.js'
import { Drawer, Fact, Facts } from '../../ui/drawer.js'
import { count, dateAndTime, duration } from '../../ui/format.js'
import { JsonView } from '../../ui/json-view.js'
import { JobHistory } from './job-history.js'
import { JobProgress, JobStatus, doneText } from './progress.js'

interface JobDetailsProps {
  readonly job: Job
  readonly onClose: () => void
  /** Shows another job: the one that a retry made. */
  readonly onOpen: (id: string) => void
}

export function JobDetails({ job, onClose, onOpen }: JobDetailsProps) {
  const { id, kind, owner, attempt, attempts, stage, message, createdAt, startedAt, endedAt, error, retryOf, parent } =
    job
  return (
    <Drawer title={kind} aside={<JobStatus status={job.status} />} onClose={onClose}>
      <div className="flex flex-col gap-5">
        <JobProgress job={job} />
        <Actions job={job} onOpen={onOpen} />
        <Facts>
          <Fact name="Job">
            <code className="font-mono text-xs">{id}</code>
          </Fact>
          <Fact name="Owner">{owner}</Fact>
          <Fact name="Done">{doneText(job)}</Fact>
          <Fact name="Stage">{stage}</Fact>
          <Fact name="Message">{message}</Fact>
          <Fact name="Error">
            {error && (
              <span className="text-bad">
                {error.message} <code className="font-mono text-xs">{error.code}</code>
              </span>
            )}
          </Fact>
          <Fact name="Attempt">{attempts > 1 && `${attempt} of ${attempts}`}</Fact>
          <Fact name="Made">{dateAndTime(createdAt)}</Fact>
          <Fact name="Waited">{startedAt !== null && duration(startedAt - createdAt)}</Fact>
          <Fact name="Ran">{startedAt !== null && endedAt !== null && duration(endedAt - startedAt)}</Fact>
          <Fact name="Runs again">{retryOf}</Fact>
          <Fact name="Part of">{parent}</Fact>
        </Facts>
        <Counters counters={job.counters} />
        <Value title="Working on" value={hasEnded(job) ? undefined : (job.current ?? undefined)} />
        <Value title="Result" value={job.result} />
        <Value title="Given with it" value={job.meta} />
        <Part title="History">
          <JobHistory id={id} />
        </Part>
      </div>
    </Drawer>
  )
}

function Counters({ counters }: { counters: Job['counters'] }) {
  const named = Object.entries(counters)
  if (named.length === 0) return null
  return (
    <dl className="flex flex-wrap gap-2">
      {named.map(([name, value]) => (
        <div key={name} className="min-w-24 flex-1 rounded-md border border-line px-3 py-1.5">
          <dt className="truncate text-xs text-muted">{name}</dt>
          <dd className="figures font-semibold">{count(value)}</dd>
        </div>
      ))}
    </dl>
  )
}

function Value({ title, value }: { title: string; value: unknown }) {
  if (value === undefined) return null
  return (
    <Part title={title}>
      <JsonView label={title} value={value} />
    </Part>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="flex min-w-0 flex-col gap-2">
      <h3 className="text-[0.8125rem] font-semibold">{title}</h3>
      {children}
    </section>
  )
}

/** To cancel cannot be undone, so it asks first. A retry makes a new job, and shows it. */
function Actions({ job, onOpen }: { job: Job; onOpen: (id: string) => void }) {
  const [asking, setAsking] = useState(false)
  const [busy, setBusy] = useState(false)
  const run = async (action: () => Promise<void>): Promise<void> => {
    setBusy(true)
    try {
      await action()
    } catch (error) {
      toast.error((error as Error).message)
    } finally {
      setBusy(false)
      setAsking(false)
    }
  }
  const path = `/jobs/${encodeURIComponent(job.id)}`
  const cancel = async (): Promise<void> => {
    const { accepted } = await request<{ accepted: boolean }>(`${path}/cancel`, { method: 'POST', body: {} })
    toast(accepted ? 'The job is cancelled; its worker is told.' : 'The job had ended before.')
  }
  const retry = async (): Promise<void> => {
    const { job: again } = await request<{ job: Job }>(`${path}/retry`, { method: 'POST', body: {} })
    toast('It runs again, as a new job.')
    onOpen(again.id)
  }
  if (hasEnded(job)) {
    return (
      <div>
        <Button busy={busy} onClick={() => void run(retry)}>
          <RotateCcw aria-hidden /> Run again
        </Button>
      </div>
    )
  }
  if (!asking) {
    return (
      <div>
        <Button onClick={() => setAsking(true)}>
          <Ban aria-hidden /> Cancel job
        </Button>
      </div>
    )
  }
  return (
    <Confirm
      question="Cancel this job? Its worker stops, and a cancelled job stays cancelled."
      action="Cancel the job"
      keep="Keep it running"
      busy={busy}
      onConfirm={() => void run(cancel)}
      onKeep={() => setAsking(false)}
    />
  )
}
