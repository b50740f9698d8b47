import { TidingsError } from '../errors.js'
import { paintFor } from './colours.js'
import { RequestRefused } from './request.js'

/** A line for people; what programs read goes to standard output. Every such line of every command begins like this. */
export const note = (line: string): void => void process.stderr.write(`tidings: ${line}\n`)

/** Says why a command failed, and, where its own words do not, what to do about it. */
export function complain(error: unknown): void {
  const paint = paintFor(process.stderr)
  note(paint('red', wordsFor(error)))
  const advice = adviceFor(error)
  if (advice !== '') process.stderr.write(`${advice}\n`)
}

function wordsFor(error: unknown): string {
  if (error instanceof TidingsError) return `[${error.code}] ${error.message}`
  return error instanceof Error ? error.message : String(error)
}

function adviceFor(error: unknown): string {
  if (!(error instanceof RequestRefused)) return ''
  const { status, hub, byHub } = error
  if (status === null)
    return 'Is a hub running there? Say where with --url or TIDINGS_URL, start one with "tidings serve --dev", or ask "tidings doctor <url>".'
  if (status === 401)
    return 'Sign in with --token or TIDINGS_TOKEN ("tidings token" makes one); on a hub started with --dev, with --user.'
  if (status === 403) return 'The credential is good and has no grant for this. See docs/concepts/rights.md.'
  if (status === 404 && !byHub)
    return `No hub answers there: is it at ${elsewhere(hub)}? Say where with --url or TIDINGS_URL.`
  return ''
}

/** Where else it may be mounted: below the root in most applications, at the root where it runs by itself. */
function elsewhere(hub: string): string {
  const { origin, pathname } = new URL(hub)
  return pathname === '/' ? `${origin}/tidings` : origin
}
