import { CircleCheck, CircleX } from 'lucide-react'
import type { Refusal } from '../../hub/request.js'
import { duration, timeOfDay } from '../../ui/format.js'

export interface Answer {
  readonly key: number
  readonly at: number
  readonly tookMs: number
  readonly type: string
  readonly result: {
    readonly id: string
    readonly cursor?: string | null
    readonly duplicate?: boolean
    readonly queued?: boolean
  } | null
  readonly refusal: Refusal | null
}

/** What the hub said to each event, newest first. */
export function Answers({ answers }: { answers: readonly Answer[] }) {
  if (answers.length === 0)
    return (
      <p className="py-6 text-center text-[0.8125rem] text-muted">
        Press “Publish”: what the hub answers, and how long it took, stands here.
      </p>
    )
  return (
    <ol aria-label="Answers" aria-live="polite" className="flex flex-col divide-y divide-line">
      {answers.map((answer) => (
        <li key={answer.key} className="flex gap-3 py-3 text-[0.8125rem]">
          {answer.result ? (
            <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-good" />
          ) : (
            <CircleX aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
          )}
          <div className="min-w-0 flex-1">
            <p className="flex flex-wrap justify-between gap-x-3">
              <span className="font-medium">{headOf(answer)}</span>
              <span className="figures text-xs text-muted">
                {timeOfDay(answer.at)} · {duration(answer.tookMs)}
              </span>
            </p>
            <Body answer={answer} />
          </div>
        </li>
      ))}
    </ol>
  )
}

function headOf({ type, result }: Answer): string {
  if (!result) return `${type} was refused`
  if (result.queued) return `${type} waits for the store`
  return result.duplicate ? `${type} was there already` : `${type} is published`
}

function Body({ answer: { result, refusal } }: { answer: Answer }) {
  if (refusal) {
    return (
      <p className="wrap-anywhere text-muted">
        {refusal.message}{' '}
        <code className="font-mono text-xs">
          {refusal.status} {refusal.code}
        </code>
        {refusal.field && (
          <>
            {' '}
            at <code className="font-mono text-xs">{refusal.field}</code>
          </>
        )}
      </p>
    )
  }
  return (
    <dl className="mt-1 grid grid-cols-[auto_1fr] gap-x-3 font-mono text-xs leading-5 text-muted">
      <dt>id</dt>
      <dd className="wrap-anywhere">{result?.id}</dd>
      <dt>cursor</dt>
      <dd className="wrap-anywhere">{result?.cursor ?? 'none'}</dd>
    </dl>
  )
}
