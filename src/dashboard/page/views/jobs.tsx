import { ListChecks } from 'lucide-react'
import { useDeferredValue, useState } from 'react'
import { type Job, jobStatuses } from '../hub/job.js'
import { useHub } from '../hub/queries.js'
import { Drawer } from '../ui/drawer.js'
import { FilterInput, Select } from '../ui/field.js'
import { ago, count } from '../ui/format.js'
import { Panel } from '../ui/panel.js'
import { Empty, Failure, Loading } from '../ui/states.js'
import { type Column, Table } from '../ui/table.js'
import { Toolbar } from '../ui/toolbar.js'
import { ViewHead } from '../ui/view-head.js'
import { JobDetails } from './jobs/job-details.js'
import { useLiveJobs, useMergedJobs } from './jobs/live-jobs.js'
import { JobProgress, JobStatus, doneText } from './jobs/progress.js'

interface Page {
  readonly jobs: readonly Job[]
  readonly next?: string
}

const step = 100
/** What the hub lists at once. */
const most = 1_000
/** Jobs that are deleted leave no event behind; and what was missed while the stream was away is found again. */
const listEveryMs = 10_000

/** Background work: what runs, how far it is, how it ended. */
export default function JobsView() {
  const [user, setUser] = useState('')
  const [status, setStatus] = useState('')
  const [limit, setLimit] = useState(step)
  const [opened, setOpened] = useState<string | null>(null)
  const wanted = useDeferredValue(user.trim().replace(/^user:/, ''))
  const owner = wanted === '' ? null : `user:${wanted}`
  const { data, error, refetch } = useHub<Page>('/jobs', {
    query: { owner: owner ?? '*', status, limit },
    everyMs: listEveryMs,
  })
  const live = useLiveJobs()
  const jobs = useMergedJobs(data?.jobs ?? [], live, { owner, status })
  const isFiltered = owner !== null || status !== ''
  return (
    <>
      <ViewHead
        title="Jobs"
        about="Background work of everybody in this namespace, newest first. It changes as it happens."
      />
      <Panel flush>
        <Toolbar>
          <FilterInput
            className="min-w-0 flex-1 basis-56"
            label="User id of the owner"
            value={user}
            onChange={({ target }) => setUser(target.value)}
          />
          <div className="w-40">
            <Select aria-label="Status" value={status} onChange={({ target }) => setStatus(target.value)}>
              <option value="">Any status</option>
              {jobStatuses.map((each) => (
                <option key={each} value={each}>
                  {each}
                </option>
              ))}
            </Select>
          </div>
        </Toolbar>
        {jobs.length > 0 ? (
          <>
            <Table
              label="Jobs"
              columns={columns}
              rows={jobs}
              keyOf={keyOf}
              onOpen={({ id }) => setOpened(id)}
              onEnd={() => data?.next !== undefined && setLimit(Math.min(most, limit + step))}
            />
            {data?.next !== undefined && limit === most && (
              <p className="px-4 py-2 text-xs text-muted">The newest {count(most)}. Filter to see others.</p>
            )}
          </>
        ) : error ? (
          <Failure error={error} retry={() => void refetch()} />
        ) : !data ? (
          <Loading />
        ) : (
          <Empty icon={<ListChecks />} title={isFiltered ? 'No job matches' : 'No job yet'}>
            {isFiltered
              ? 'Jobs are kept for a day after their end.'
              : 'hub.jobs.create(), POST /jobs or the command “tidings job create” makes one; its progress shows here.'}
          </Empty>
        )}
      </Panel>
      {opened !== null && <Opened id={opened} live={live} onClose={() => setOpened(null)} onOpen={setOpened} />}
    </>
  )
}

function Opened({
  id,
  live,
  onClose,
  onOpen,
}: {
  id: string
  live: ReadonlyMap<string, Job>
  onClose: () => void
  onOpen: (id: string) => void
}) {
  const { data, error, refetch } = useHub<Job>(`/jobs/${encodeURIComponent(id)}`)
  const told = live.get(id)
  const read = data?.id === id ? data : undefined
  const job = told && read ? (told.version > read.version ? told : read) : (told ?? read)
  if (job) return <JobDetails key={id} job={job} onClose={onClose} onOpen={onOpen} />
  if (!error) return null
  return (
    <Drawer title="Job" onClose={onClose}>
      <Failure error={error} retry={() => void refetch()} />
    </Drawer>
  )
}

const keyOf = ({ id }: Job): string => id

const columns: readonly Column<Job>[] = [
  { title: 'Status', width: '6.75rem', cell: ({ status }) => <JobStatus status={status} /> },
  {
    title: 'Job',
    width: 'minmax(6rem, 1.4fr)',
    cell: ({ kind, id }) => (
      <>
        <span className="font-medium">{kind}</span> <span className="font-mono text-xs text-muted">{id}</span>
      </>
    ),
  },
  { title: 'Progress', width: 'minmax(6rem, 1.2fr)', cell: (job) => <JobProgress job={job} /> },
  { title: 'Owner', width: 'minmax(5rem, 0.7fr)', from: 'medium', cell: ({ owner }) => owner.replace(/^user:/, '') },
  {
    title: 'Done',
    width: 'minmax(7rem, 1fr)',
    from: 'wide',
    cell: (job) => <span className="figures">{doneText(job)}</span>,
  },
  {
    title: 'Stage',
    width: 'minmax(6rem, 1fr)',
    from: 'wide',
    cell: ({ stage, error }) => (error ? <span className="text-bad">{error.message}</span> : stage),
  },
  { title: 'Made', width: '7rem', from: 'medium', figures: true, cell: ({ createdAt }) => ago(createdAt) },
]
