import { type FormEvent, useState } from 'react'
import { session, useSession } from '../hub/session.js'
import { Button } from '../ui/button.js'
import { Field, TextArea } from '../ui/field.js'
import { Logo } from './logo.js'

/** Where a token is pasted. `refused`: why the credential that the page has does not do. */
export function SignIn({ refused }: { refused: string | null }) {
  const { ended } = useSession()
  const [token, setToken] = useState('')
  const [error, setError] = useState<string | null>(null)
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault()
    const text = token.trim().replace(/^Bearer\s+/i, '')
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text))
      return setError('That is no token: one has three parts, joined by dots.')
    session.signIn(text)
  }
  const why = refused ?? ended
  return (
    <main className="mx-auto flex min-h-dvh max-w-md flex-col justify-center gap-6 p-6">
      <div className="flex items-center gap-3">
        <Logo />
        <h1 className="text-xl font-semibold tracking-tight">Tidings dashboard</h1>
      </div>
      {why && (
        <p role="alert" className="rounded-lg bg-warn-soft px-4 py-3 text-[0.8125rem] text-warn">
          {why}
        </p>
      )}
      <form onSubmit={onSubmit} className="flex flex-col gap-4 rounded-lg border border-line bg-panel p-5">
        <Field label="Token with the admin grant" error={error}>
          {(id) => (
            <TextArea
              id={id}
              rows={4}
              required
              autoFocus
              value={token}
              placeholder="eyJhbGciOi…"
              onChange={({ target }) => {
                setToken(target.value)
                setError(null)
              }}
              onKeyDown={(event) => {
                if (event.key !== 'Enter') return
                event.preventDefault()
                event.currentTarget.form?.requestSubmit()
              }}
            />
          )}
        </Field>
        <Button type="submit" kind="primary">
          Sign in
        </Button>
        <p className="text-xs text-muted">
          It stays in this tab and goes nowhere but to this hub. On your own machine,{' '}
          <code className="font-mono">tidings serve --dev</code> prints a link that is signed in.
        </p>
      </form>
    </main>
  )
}
