import { CircleAlert, CircleCheck, CircleX } from 'lucide-react'
import type { Query } from '../hub/request.js'
import { useHub } from '../hub/queries.js'
import type { Stats } from '../hub/stats.js'
import { classNames } from '../ui/class-names.js'
import { Panel } from '../ui/panel.js'
import { Failure, Loading } from '../ui/states.js'
import { ViewHead } from '../ui/view-head.js'
import { type Finding, findingsOf } from './health/findings.js'
import type { Health } from './health/findings.js'

const everyMs = 3_000
const none: Query = {}

/** How the hub is, in words: what load balancers and alerts see, and what one would look at next. */
export default function HealthView() {
  const health = useHub<Health>('/health', { query: none, everyMs })
  const stats = useHub<Stats>('/stats', { query: { step: 1 }, everyMs })
  const error = health.error ?? stats.error
  return (
    <>
      <ViewHead
        title="Health"
        about="What load balancers and alerts see, with the reasons, and what is worth a look."
      />
      {health.data && stats.data ? (
        <Report health={health.data} stats={stats.data} />
      ) : error ? (
        <Failure
          error={error}
          retry={() => {
            void health.refetch()
            void stats.refetch()
          }}
        />
      ) : (
        <Loading />
      )}
    </>
  )
}

const icons = { good: CircleCheck, warn: CircleAlert, bad: CircleX } as const
const colours = { good: 'text-good', warn: 'text-warn', bad: 'text-bad' } as const

function Report({ health, stats }: { health: Health; stats: Stats }) {
  const findings = findingsOf(health, stats)
  const worst = findings.some(({ tone }) => tone === 'bad')
    ? 'bad'
    : findings.some(({ tone }) => tone === 'warn')
      ? 'warn'
      : 'good'
  const title = { good: 'Everything works', warn: 'It works, and something wants a look', bad: 'Something is broken' }[
    worst
  ]
  const Icon = icons[worst]
  return (
    <div className="flex max-w-3xl flex-col gap-4">
      <Panel>
        <div role="status" className="flex items-center gap-3 pt-3">
          <Icon aria-hidden className={classNames('size-7 shrink-0', colours[worst])} />
          <div>
            <p className="text-base font-semibold">{title}</p>
            <p className="text-[0.8125rem] text-muted">
              <code className="font-mono text-xs">/health</code> says {health.status}
              {health.reason ? `: ${health.reason}` : '.'}
            </p>
          </div>
        </div>
      </Panel>
      <Panel flush>
        <ul className="divide-y divide-line">
          {findings.map((finding) => (
            <FindingItem key={finding.name} finding={finding} />
          ))}
        </ul>
      </Panel>
    </div>
  )
}

function FindingItem({ finding: { name, tone, words } }: { finding: Finding }) {
  const Icon = icons[tone]
  return (
    <li className="flex items-start gap-3 px-4 py-3">
      <Icon
        aria-label={{ good: 'good', warn: 'worth a look', bad: 'broken' }[tone]}
        className={classNames('mt-0.5 size-4.5 shrink-0', colours[tone])}
      />
      <div className="min-w-0">
        <p className="font-medium">{name}</p>
        <p className="figures text-[0.8125rem] text-muted">{words}</p>
      </div>
    </li>
  )
}
