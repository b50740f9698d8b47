import { CommanderError, type Command } from 'commander'
import { TidingsError } from '../errors.js'
import { paintFor } from './colours.js'
import { exitCodes } from './command.js'
import { makeProgram } from './program.js'
import { RequestRefused } from './request.js'

const program = makeProgram()
throwInPlaceOfExit(program)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // It has said what there was to say.
    process.exitCode = error.exitCode === 0 ? exitCodes.done.code : exitCodes.usage.code
  } else {
    const paint = paintFor(process.stderr)
    const advice = adviceFor(error)
    process.stderr.write(`${paint('red', wordsFor(error))}\n${advice === '' ? '' : `${advice}\n`}`)
    const isUsage = error instanceof TidingsError && error.code === 'option_invalid'
    process.exitCode = isUsage ? exitCodes.usage.code : exitCodes.failed.code
    // A worker: the channel to the process that started it would keep it.
    if (process.connected) process.exit()
  }
}

/** Subcommands do not inherit it. */
function throwInPlaceOfExit(command: Command): void {
  command.exitOverride()
  for (const one of command.commands) throwInPlaceOfExit(one)
}

function wordsFor(error: unknown): string {
  if (error instanceof TidingsError) return error.toString()
  return `tidings: ${error instanceof Error ? error.message : String(error)}`
}

/** What to do about a refusal, where its own words do not say so. */
function adviceFor(error: unknown): string {
  if (!(error instanceof RequestRefused)) return ''
  const { status } = error
  if (status === null)
    return 'Is a hub running there? Say where with --url or TIDINGS_URL, start one with "tidings serve --dev", or ask "tidings doctor <url>".'
  if (status === 401)
    return 'Sign in with --token or TIDINGS_TOKEN ("tidings token" makes one); on a hub started with --dev, with --user.'
  if (status === 403) return 'The credential is good and has no grant for this. See docs/concepts/rights.md.'
  return ''
}
