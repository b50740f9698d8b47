import { Field, Input, Select } from '../../ui/field.js'
import type { Identity, TrySettings } from './request.js'

interface PaneSettingsProps {
  readonly settings: TrySettings
  readonly onChange: (part: Partial<TrySettings>) => void
}

const identities: readonly (readonly [Identity, string])[] = [
  ['development', 'Development user'],
  ['token', 'Token'],
  ['me', 'You'],
  ['nobody', 'Nobody'],
]

/** Who a pane is, and what it asks for. */
export function PaneSettings({ settings, onChange }: PaneSettingsProps) {
  const text = (name: keyof TrySettings, label: string, placeholder: string, type = 'text') => (
    <Field label={label}>
      {(id) => (
        <Input
          id={id}
          type={type}
          value={settings[name]}
          placeholder={placeholder}
          onChange={({ target }) => onChange({ [name]: target.value })}
        />
      )}
    </Field>
  )
  return (
    <fieldset className="grid grid-cols-2 gap-3">
      <legend className="sr-only">What it asks for</legend>
      <Field label="As">
        {(id) => (
          <Select
            id={id}
            value={settings.identity}
            onChange={({ target }) => onChange({ identity: target.value as Identity })}
          >
            {identities.map(([identity, words]) => (
              <option key={identity} value={identity}>
                {words}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label="Transport">
        {(id) => (
          <Select
            id={id}
            value={settings.transport}
            onChange={({ target }) => onChange({ transport: target.value as TrySettings['transport'] })}
          >
            <option value="sse">Stream (SSE)</option>
            <option value="poll">Long polls</option>
          </Select>
        )}
      </Field>
      {settings.identity === 'development' && text('userId', 'User id', '7')}
      {settings.identity === 'development' && text('roles', 'Roles', 'ADMIN, EDITOR')}
      {settings.identity === 'token' && (
        <div className="col-span-2">{text('token', 'Bearer token', 'eyJhbGciOi…', 'password')}</div>
      )}
      <div className="col-span-2">{text('topics', 'Topics', 'its own: user, roles, jobs, all')}</div>
      {text('types', 'Types', 'every type')}
      {text('since', 'Since', 'now, start, @<ms> or a cursor')}
    </fieldset>
  )
}
