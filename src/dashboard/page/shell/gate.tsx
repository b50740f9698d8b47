import type { ReactNode } from 'react'
import { useHub } from '../hub/queries.js'
import { Refusal } from '../hub/request.js'
import { useSession } from '../hub/session.js'
import { Failure, Loading } from '../ui/states.js'
import { SignIn } from './sign-in.js'

/** Lets through whoever the hub takes for an admin, by token or by cookie (A7); others are told why not. */
export function Gate({ children }: { children: ReactNode }) {
  const { token } = useSession()
  const { isSuccess, error, refetch } = useHub<unknown>('/connections', { query: { limit: 1 } })
  if (isSuccess) return children
  if (!error) return <Loading what="Connecting" />
  const { status, message } = error as Refusal
  if (status === 401) return <SignIn refused={null} />
  if (status === 403 && error instanceof Refusal) return <SignIn refused={wordsFor(message, token !== null)} />
  return <Failure error={error} retry={() => void refetch()} />
}

const wordsFor = (message: string, hasToken: boolean): string =>
  `${hasToken ? 'This token' : 'Whoever is signed in here'} may not use the dashboard: it takes the admin grant. The hub says: ${message}`
