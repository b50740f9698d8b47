import { Braces } from 'lucide-react'
import { useMemo } from 'react'
import { Button } from '../../ui/button.js'
import { Field, TextArea } from '../../ui/field.js'
import { bytes } from '../../ui/format.js'
import { readJson } from '../../ui/json-text.js'

/** What the hub takes unless it is set otherwise (PROTOCOL.md P1.11). */
const usualLimit = 64 * 1024

interface JsonEditorProps {
  readonly text: string
  /** What was wrong when it was sent, by this page or by the schema at the hub. */
  readonly fault: string | null
  readonly onChange: (text: string) => void
}

/** A field for JSON: says at once where it is none, and how large it is. */
export function JsonEditor({ text, fault, onChange }: JsonEditorProps) {
  const read = useMemo(() => readJson(text), [text])
  const size = useMemo(() => (read.fault ? null : new TextEncoder().encode(JSON.stringify(read.value)).length), [read])
  const wrong = read.fault ? `Line ${read.fault.line}, column ${read.fault.column}: ${read.fault.message}` : fault
  return (
    <div className="relative">
      <Field label="Data, as JSON" error={wrong} hint={size !== null && sizeText(size)}>
        {(id) => (
          <TextArea
            id={id}
            rows={11}
            value={text}
            aria-invalid={wrong !== null}
            onChange={({ target }) => onChange(target.value)}
          />
        )}
      </Field>
      <Button
        kind="quiet"
        className="absolute -top-2 right-0"
        disabled={read.fault !== null}
        onClick={() => !read.fault && onChange(JSON.stringify(read.value, null, 2))}
      >
        <Braces aria-hidden /> Format
      </Button>
    </div>
  )
}

const sizeText = (size: number): string =>
  size > usualLimit
    ? `${bytes(size)}: most hubs take ${bytes(usualLimit)}`
    : `${bytes(size)} of at most ${bytes(usualLimit)}`
