import { ChevronRight } from 'lucide-react'
import { useMemo, useState } from 'react'
import { classNames } from './class-names.js'
import { type TreeLine, linesOf, treeAtFirst, turn } from './json-tree.js'

const colours: Readonly<Record<TreeLine['kind'], string>> = {
  string: 'text-good',
  number: 'text-accent',
  boolean: 'text-warn',
  null: 'text-muted',
  object: 'text-muted',
  array: 'text-muted',
  more: 'text-accent',
}

/** JSON as a tree that opens and closes. Text and nothing else (T20): no link, no markup, whatever is in it. */
export function JsonView({ label, value }: { label: string; value: unknown }) {
  const [state, setState] = useState(treeAtFirst)
  const lines = useMemo(() => linesOf(value, state), [value, state])
  return (
    <ul
      aria-label={label}
      className="min-w-0 rounded-md border border-line bg-canvas py-1.5 font-mono text-xs leading-5"
    >
      {lines.map((line) => (
        <li
          key={`${line.path} ${line.kind}`}
          style={{ paddingLeft: `${0.5 + line.depth * 0.875}rem` }}
          className="pr-2"
        >
          <Line line={line} onTurn={() => setState(turn(state, line))} />
        </li>
      ))}
    </ul>
  )
}

function Line({ line, onTurn }: { line: TreeLine; onTurn: () => void }) {
  const { name, kind, text, open } = line
  const content = (
    <>
      {name !== null && <span className="text-ink">{name}: </span>}
      <span className={classNames(colours[kind], kind === 'string' && 'break-words whitespace-pre-wrap')}>
        {kind === 'more' ? `… ${text} more` : text}
      </span>
    </>
  )
  if (open === null && kind !== 'more') return <div className="pl-4.5 wrap-anywhere">{content}</div>
  return (
    <button
      type="button"
      aria-expanded={open ?? undefined}
      className="flex w-full items-center gap-1 rounded-sm text-left hover:bg-raised"
      onClick={onTurn}
    >
      <ChevronRight
        aria-hidden
        className={classNames(
          'size-3.5 shrink-0 text-muted',
          open === true && 'rotate-90',
          kind === 'more' && 'invisible',
        )}
      />
      <span className="min-w-0 wrap-anywhere">{content}</span>
    </button>
  )
}
