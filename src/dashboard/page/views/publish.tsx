import { Send } from 'lucide-react'
import { type FormEvent, useState } from 'react'
import { hubUrl } from '../hub/address.js'
import { curlOf, tokenVariable } from '../hub/curl.js'
import { priorities } from '../hub/event.js'
import { Refusal, request } from '../hub/request.js'
import { Button } from '../ui/button.js'
import { CopyButton } from '../ui/copy-button.js'
import { Field, Input, Select } from '../ui/field.js'
import { Panel } from '../ui/panel.js'
import { ViewHead } from '../ui/view-head.js'
import { type Answer, Answers } from './publish/answers.js'
import { type Draft, type DraftFaults, bodyOf, faultsOf, fieldOf } from './publish/draft.js'
import { JsonEditor } from './publish/json-editor.js'
import { TargetFields } from './publish/target-fields.js'
import { templates } from './publish/templates.js'

const pretty = (value: unknown): string => JSON.stringify(value, null, 2)

const first: Draft = {
  target: 'all',
  names: '',
  type: 'notification',
  priority: 'normal',
  data: pretty(templates[0]?.data),
  correlationId: '',
  conflationKey: '',
  volatile: false,
}

/** How many answers are kept in sight. */
const mostAnswers = 20

/** Sends a test event to whomever one likes, and shows what the hub says. */
export default function PublishView() {
  const [draft, setDraft] = useState(first)
  const [faults, setFaults] = useState<DraftFaults>({})
  const [busy, setBusy] = useState(false)
  const [answers, setAnswers] = useState<readonly Answer[]>([])
  const change = (part: Partial<Draft>): void => {
    setDraft({ ...draft, ...part })
    setFaults({})
  }
  const publish = async (): Promise<void> => {
    const found = faultsOf(draft)
    setFaults(found)
    if (Object.keys(found).length > 0) return
    setBusy(true)
    const began = performance.now()
    const id = crypto.randomUUID?.()
    const told = (outcome: Pick<Answer, 'result' | 'refusal'>): void => {
      const answer = { ...outcome, at: Date.now(), tookMs: performance.now() - began, type: draft.type }
      setAnswers((before) => [{ ...answer, key: (before[0]?.key ?? 0) + 1 }, ...before].slice(0, mostAnswers))
    }
    try {
      told({ result: await request('/events', { method: 'POST', body: bodyOf(draft, id) }), refusal: null })
    } catch (error) {
      const refusal = error as Refusal
      const field = fieldOf(refusal.field)
      if (field) setFaults({ [field]: refusal.message })
      told({ result: null, refusal })
    } finally {
      setBusy(false)
    }
  }
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault()
    void publish()
  }
  return (
    <>
      <ViewHead
        title="Publish"
        about="Send a test event to anybody. It is a real one: whoever it is for receives it."
      />
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,3fr)_minmax(18rem,2fr)]">
        <Panel
          title="Event"
          aside={
            <div className="flex flex-wrap items-center gap-1.5 text-xs text-muted">
              <span className="mr-1">Begin with</span>
              {templates.map(({ name, type, priority, data }) => (
                <Button
                  key={name}
                  className="h-7 px-2.5 text-xs"
                  onClick={() => change({ type, priority, data: pretty(data) })}
                >
                  {name}
                </Button>
              ))}
            </div>
          }
        >
          <form
            noValidate
            onSubmit={onSubmit}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void publish()
            }}
            className="flex flex-col gap-4"
          >
            <TargetFields draft={draft} fault={faults.names ?? null} onChange={change} />
            <div className="grid gap-4 sm:grid-cols-[1fr_10rem]">
              <Field label="Type" error={faults.type ?? null}>
                {(id) => (
                  <Input
                    id={id}
                    value={draft.type}
                    aria-invalid={faults.type !== undefined}
                    onChange={({ target }) => change({ type: target.value })}
                  />
                )}
              </Field>
              <Field label="Priority" error={faults.priority ?? null}>
                {(id) => (
                  <Select id={id} value={draft.priority} onChange={({ target }) => change({ priority: target.value })}>
                    {priorities.map((each) => (
                      <option key={each}>{each}</option>
                    ))}
                  </Select>
                )}
              </Field>
            </div>
            <JsonEditor text={draft.data} fault={faults.data ?? null} onChange={(data) => change({ data })} />
            <details className="text-[0.8125rem]">
              <summary className="font-medium text-muted">More options</summary>
              <div className="mt-3 grid gap-4 sm:grid-cols-2">
                <Field label="Correlation id" error={faults.metadata ?? null}>
                  {(id) => (
                    <Input
                      id={id}
                      value={draft.correlationId}
                      onChange={({ target }) => change({ correlationId: target.value })}
                    />
                  )}
                </Field>
                <Field label="Conflation key" hint="A newer event of the same key may take the place of this one.">
                  {(id) => (
                    <Input
                      id={id}
                      value={draft.conflationKey}
                      onChange={({ target }) => change({ conflationKey: target.value })}
                    />
                  )}
                </Field>
                <label className="flex items-center gap-2">
                  <input
                    type="checkbox"
                    className="size-4 accent-accent-fill"
                    checked={draft.volatile}
                    onChange={({ target }) => change({ volatile: target.checked })}
                  />
                  Volatile: live only, kept nowhere
                </label>
              </div>
            </details>
            <div className="flex flex-wrap items-center gap-2">
              <Button type="submit" kind="primary" busy={busy} aria-keyshortcuts="Control+Enter Meta+Enter">
                <Send aria-hidden /> Publish
              </Button>
              <CopyButton label="Copy as curl" text={() => curlOfDraft(draft)} />
            </div>
          </form>
        </Panel>
        <Panel title="Answers">
          <Answers answers={answers} />
        </Panel>
      </div>
    </>
  )
}

const curlOfDraft = (draft: Draft): string =>
  curlOf({
    url: `${hubUrl}/events`,
    method: 'POST',
    headers: { Authorization: `Bearer ${tokenVariable}` },
    body: bodyOf(draft),
  })
