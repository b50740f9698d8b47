import { Unplug } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { disconnect } from '../../hub/closing.js'
import { type Connection, readerOf, wordsOfReason } from '../../hub/connections.js'
import { useHub } from '../../hub/queries.js'
import { Refusal } from '../../hub/request.js'
import { Button } from '../../ui/button.js'
import { Drawer, Fact, Facts } from '../../ui/drawer.js'
import { Field, Input } from '../../ui/field.js'
import { ago, bytes, count, dateAndTime, duration } from '../../ui/format.js'
import { StateBadge } from './state-badge.js'

/** One connection as it stands now, and how to end it. `shown`: as the list had it. */
export function ConnectionDetails({ shown, onClose }: { shown: Connection; onClose: () => void }) {
  const isClosed = shown.state === 'closed'
  const { data, error } = useHub<Connection>(`/connections/${encodeURIComponent(shown.id)}`, {
    everyMs: 1_000,
    enabled: !isClosed,
  })
  const connection = data?.id === shown.id ? data : shown
  const isGone = error instanceof Refusal && error.status === 404
  const { state, since, user, session, roles, method, address, userAgent, name, transport, node, tokenId, expiresAt } =
    connection
  return (
    <Drawer
      title={readerOf(connection)}
      aside={<StateBadge state={isGone ? 'closed' : state} />}
      footer={!isClosed && !isGone && <Disconnect id={shown.id} onDone={onClose} />}
      onClose={onClose}
    >
      <div className="flex flex-col gap-6">
        {error && (
          <p className="rounded-md bg-raised px-3 py-2 text-[0.8125rem] text-muted">
            {isGone ? 'This connection is no longer open.' : error.message} Below is how it was last seen.
          </p>
        )}
        <Facts>
          <Fact name="State">{isClosed ? `closed ${ago(since)}` : stateText(connection)}</Fact>
          <Fact name="Why">{connection.reason && wordsOfReason(connection.reason)}</Fact>
          <Fact name="Note">{connection.note}</Fact>
          <Fact name="Opened">{dateAndTime(connection.opened)}</Fact>
          <Fact name="Was open">{connection.durationMs !== undefined && duration(connection.durationMs)}</Fact>
          <Fact name="Last byte">{ago(connection.lastWrite)}</Fact>
          <Fact name="Came back">
            {connection.returned === true ? 'yes, with a cursor' : connection.returned === false && 'no, it was new'}
          </Fact>
        </Facts>
        <Section title="Delivery">
          <Facts>
            <Fact name="Events sent">{count(connection.sent)}</Fact>
            <Fact name="Lag">
              {connection.lag !== undefined &&
                `${count(connection.lag)} ${connection.lag === 1 ? 'event' : 'events'} behind`}
            </Fact>
            <Fact name="Unsent">{connection.unsentBytes !== undefined && bytes(connection.unsentBytes)}</Fact>
            <Fact name="Errors">{count(connection.errors)}</Fact>
            <Fact name="Transport">{transport}</Fact>
            <Fact name="Only types">{connection.types?.join(', ')}</Fact>
          </Facts>
        </Section>
        <Section title="Who">
          <Facts>
            <Fact name="User">{user}</Fact>
            <Fact name="Session">{session}</Fact>
            <Fact name="Roles">{roles?.join(', ')}</Fact>
            <Fact name="Signed in by">{method}</Fact>
            <Fact name="Token">{tokenId && <code className="font-mono text-xs">{tokenId}</code>}</Fact>
            <Fact name="Token ends">{expiresAt !== undefined && dateAndTime(expiresAt)}</Fact>
            <Fact name="Address">{address}</Fact>
            <Fact name="Client">{name}</Fact>
            <Fact name="User agent">{userAgent}</Fact>
            <Fact name="Node">
              <code className="font-mono text-xs">{node}</code>
            </Fact>
            <Fact name="Connection">
              <code className="font-mono text-xs">{connection.id}</code>
            </Fact>
          </Facts>
        </Section>
        <Section title={connection.topics.length === 1 ? 'Topic' : `${connection.topics.length} topics`}>
          <ul className="flex flex-wrap gap-1.5">
            {connection.topics.map((topic) => (
              <li key={topic} className="max-w-full rounded-sm bg-raised px-2 py-0.5 font-mono text-xs break-words">
                {topic}
              </li>
            ))}
          </ul>
        </Section>
      </div>
    </Drawer>
  )
}

/** A connected one is so since its last event (O2), which is what one wants to know of it. */
function stateText({ state, since, sent }: Connection): string {
  if (state !== 'connected') return `${state} for ${duration(Date.now() - since)}`
  return sent > 0 ? `connected; last event ${ago(since)}` : 'connected; no event yet'
}

function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section className="border-t border-line pt-4">
      <h3 className="mb-2.5 text-xs font-semibold text-muted">{title}</h3>
      {children}
    </section>
  )
}

function Disconnect({ id, onDone }: { id: string; onDone: () => void }) {
  const [reason, setReason] = useState('')
  const [busy, setBusy] = useState(false)
  const onSubmit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    const done = await disconnect(id, reason.trim())
    setBusy(false)
    if (done) onDone()
  }
  return (
    <form onSubmit={(event) => void onSubmit(event)} className="flex flex-col gap-3">
      <Field label="Reason" hint="Kept with the closed ones; the reader may come back.">
        {(field) => (
          <Input
            id={field}
            value={reason}
            maxLength={200}
            placeholder="such as: asked by support"
            onChange={({ target }) => setReason(target.value)}
          />
        )}
      </Field>
      <Button type="submit" kind="danger" busy={busy} className="self-start">
        <Unplug aria-hidden /> Disconnect
      </Button>
    </form>
  )
}
