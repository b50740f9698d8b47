import { Send } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { toast } from 'sonner'
import { request } from '../../hub/request.js'
import { Button } from '../../ui/button.js'
import { Field, Input } from '../../ui/field.js'
import { Panel } from '../../ui/panel.js'

/** Sends an event to one topic, to see which of the panes receive it. */
export function QuickPublish() {
  const [topic, setTopic] = useState('user:7')
  const [type, setType] = useState('notification')
  const [text, setText] = useState('Hello')
  const [said, setSaid] = useState<{ readonly words: string; readonly good: boolean } | null>(null)
  const publish = async (): Promise<void> => {
    try {
      const body = { topic: topic.trim(), type: type.trim(), data: { title: text } }
      const { cursor } = await request<{ cursor?: string }>('/events', { method: 'POST', body })
      setSaid({ words: cursor ? `Published at ${cursor}` : 'It waits for the store, which is away', good: true })
    } catch (error) {
      setSaid({ words: (error as Error).message, good: false })
      toast.error((error as Error).message)
    }
  }
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault()
    void publish()
  }
  return (
    <Panel className="mb-4">
      <form
        aria-label="Publish"
        onSubmit={onSubmit}
        className="grid grid-cols-2 items-end gap-3 pt-3 lg:grid-cols-[1fr_1fr_2fr_auto]"
      >
        <Field label="To topic">
          {(id) => <Input id={id} value={topic} onChange={({ target }) => setTopic(target.value)} />}
        </Field>
        <Field label="Type">
          {(id) => <Input id={id} value={type} onChange={({ target }) => setType(target.value)} />}
        </Field>
        <Field label="Title">
          {(id) => <Input id={id} value={text} onChange={({ target }) => setText(target.value)} />}
        </Field>
        <Button type="submit" kind="primary">
          <Send aria-hidden /> Publish
        </Button>
      </form>
      <p
        aria-live="polite"
        className={said && !said.good ? 'mt-2 text-xs text-bad' : 'figures mt-2 text-xs text-muted'}
      >
        {said?.words ?? 'Only whoever may read this topic, and asked for it, receives it.'}
      </p>
    </Panel>
  )
}
