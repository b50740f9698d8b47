import { CommanderError, type Command } from 'commander'
import { TidingsError } from '../errors.js'
import { exitCodes } from './command.js'
import { makeProgram } from './program.js'
import { complain } from './say.js'

const program = makeProgram()
throwInPlaceOfExit(program)
process.stdout.on('error', endWithReader)

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // It has said what there was to say.
    process.exitCode = error.exitCode === 0 ? exitCodes.done.code : exitCodes.usage.code
  } else {
    complain(error)
    const isUsage = error instanceof TidingsError && error.code === 'option_invalid'
    process.exitCode = isUsage ? exitCodes.usage.code : exitCodes.failed.code
    // A worker: the channel to the process that started it would keep it.
    if (process.connected) process.exit()
  }
}

/** `tidings tail … | head` ends with its reader, without a word, and so does every other command; a hub stays (`serve`). */
function endWithReader(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? (process.exitCode ?? exitCodes.done.code) : exitCodes.failed.code)
}

/** Subcommands do not inherit it. */
function throwInPlaceOfExit(command: Command): void {
  command.exitOverride()
  for (const one of command.commands) throwInPlaceOfExit(one)
}
