import { useQueryClient } from '@tanstack/react-query'
import { Eraser } from 'lucide-react'
import { useState } from 'react'
import { toast } from 'sonner'
import { useHub } from '../../hub/queries.js'
import { request } from '../../hub/request.js'
import { Button } from '../../ui/button.js'
import { Confirm } from '../../ui/confirm.js'
import { Drawer, Fact, Facts } from '../../ui/drawer.js'
import { bytes, count } from '../../ui/format.js'
import { Failure, Loading } from '../../ui/states.js'
import { TextLink } from '../../ui/text-link.js'

/** What `GET /topics/{topic}` says. */
interface TopicFigures {
  readonly topic: string
  readonly first: string | null
  readonly last: string | null
  readonly count: number
  readonly bytes: number
  readonly readers: number
}

const pathOf = (topic: string): string => `/topics/${encodeURIComponent(topic)}`

const everyMs = 2_000

export function TopicDetails({ topic, onClose }: { topic: string; onClose: () => void }) {
  const { data, error, refetch } = useHub<TopicFigures>(pathOf(topic), { everyMs })
  const figures = data?.topic === topic ? data : null
  return (
    <Drawer title={<span className="font-mono text-sm">{topic}</span>} onClose={onClose}>
      {figures ? (
        <div className="flex flex-col gap-5">
          <Facts>
            <Fact name="Events kept">{count(figures.count)}</Fact>
            <Fact name="Size">{bytes(figures.bytes)}</Fact>
            <Fact name="Newest">{figures.last && <Cursor text={figures.last} />}</Fact>
            <Fact name="Oldest kept">{figures.first && <Cursor text={figures.first} />}</Fact>
            <Fact name="Readers">
              {count(figures.readers)} on this node ·{' '}
              <TextLink href={`/connections?topic=${encodeURIComponent(topic)}`}>show all</TextLink>
            </Fact>
          </Facts>
          <Erase topic={topic} kept={figures.count} />
        </div>
      ) : error ? (
        <Failure error={error} retry={() => void refetch()} />
      ) : (
        <Loading />
      )}
    </Drawer>
  )
}

const Cursor = ({ text }: { text: string }) => <code className="font-mono text-xs">{text}</code>

function Erase({ topic, kept }: { topic: string; kept: number }) {
  const queries = useQueryClient()
  const [asking, setAsking] = useState(false)
  const [busy, setBusy] = useState(false)
  if (topic.startsWith('job:')) {
    return (
      <p className="text-[0.8125rem] text-muted">The topic of a job goes with its job; it is not erased by itself.</p>
    )
  }
  const erase = async (): Promise<void> => {
    setBusy(true)
    try {
      await request(pathOf(topic), { method: 'DELETE' })
      toast(`What was kept of ${topic} is erased.`)
      await queries.invalidateQueries({ queryKey: [pathOf(topic)] })
      await queries.invalidateQueries({ queryKey: ['/topics'] })
    } catch (error) {
      toast.error((error as Error).message)
    } finally {
      setBusy(false)
      setAsking(false)
    }
  }
  if (!asking) {
    return (
      <div>
        <Button onClick={() => setAsking(true)} disabled={kept === 0}>
          <Eraser aria-hidden /> Erase events
        </Button>
      </div>
    )
  }
  const events = `${count(kept)} ${kept === 1 ? 'event' : 'events'}`
  return (
    <Confirm
      question={`Erase the ${events} of ${topic}? They are gone on every node, and its readers are told that history is missing.`}
      action="Erase for good"
      keep="Keep them"
      busy={busy}
      onConfirm={() => void erase()}
      onKeep={() => setAsking(false)}
    />
  )
}
