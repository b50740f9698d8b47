import { CircleAlert, CircleCheck } from 'lucide-react'
import { useHub } from '../hub/queries.js'
import { classNames } from '../ui/class-names.js'
import { Panel } from '../ui/panel.js'
import { Failure, Loading } from '../ui/states.js'
import { ViewHead } from '../ui/view-head.js'

interface Health {
  readonly status: 'ok' | 'degraded' | 'failing'
  readonly reason?: string
  readonly store: { readonly kind: string; readonly available: boolean }
}

const everyMs = 3_000

/** How the hub is, in words. */
export default function HealthView() {
  const health = useHub<Health>('/health', { everyMs })
  return (
    <>
      <ViewHead title="Health" about="As load balancers and alerts see this node, with the reasons." />
      {health.data ? <State health={health.data} /> : health.error ? <Failure error={health.error} /> : <Loading />}
    </>
  )
}

function State({ health: { status, reason, store } }: { health: Health }) {
  const isGood = status === 'ok'
  const Icon = isGood ? CircleCheck : CircleAlert
  return (
    <Panel>
      <div className="flex items-start gap-3 pt-3">
        <Icon aria-hidden className={classNames('size-6 shrink-0', isGood ? 'text-good' : 'text-warn')} />
        <div>
          <p className="font-semibold">{isGood ? 'Everything works' : `The hub is ${status}`}</p>
          <p className="text-[0.8125rem] text-muted">{reason ?? `Events are kept in: ${store.kind}.`}</p>
        </div>
      </div>
    </Panel>
  )
}
