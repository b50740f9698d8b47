import { Field, Input } from '../../ui/field.js'
import { Segments } from '../../ui/segments.js'
import { type Draft, type Target, targets } from './draft.js'

const labels: Readonly<Record<Target, string>> = {
  all: 'Everybody',
  users: 'Users',
  roles: 'Roles',
  session: 'Session',
  topic: 'Topic',
}

const fields: Readonly<
  Record<Target, { readonly label: string; readonly placeholder: string; readonly hint?: string }>
> = {
  all: { label: '', placeholder: '' },
  users: { label: 'User ids', placeholder: '7, 12', hint: 'Several with commas between them.' },
  roles: { label: 'Roles', placeholder: 'ADMIN, EDITOR', hint: 'Several with commas between them.' },
  session: { label: 'Session id', placeholder: 's-81f2' },
  topic: { label: 'Topic', placeholder: 'report:9', hint: 'Topics of jobs take events through jobs alone.' },
}

interface TargetFieldsProps {
  readonly draft: Draft
  readonly fault: string | null
  readonly onChange: (part: Partial<Draft>) => void
}

export function TargetFields({ draft: { target, names }, fault, onChange }: TargetFieldsProps) {
  const { label, placeholder, hint } = fields[target]
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-col items-start gap-1">
        <span aria-hidden className="text-xs font-medium text-muted">
          To
        </span>
        <Segments
          label="To whom"
          options={targets}
          value={target}
          onChange={(chosen) => onChange({ target: chosen, names: '' })}
          words={(each) => labels[each]}
        />
      </div>
      {target !== 'all' && (
        <Field label={label} hint={hint} error={fault}>
          {(id) => (
            <Input
              id={id}
              value={names}
              placeholder={placeholder}
              aria-invalid={fault !== null}
              onChange={(event) => onChange({ names: event.target.value })}
            />
          )}
        </Field>
      )}
    </div>
  )
}
