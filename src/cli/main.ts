import { CommanderError, type Command } from 'commander'
import { TidingsError } from '../errors.js'
import { exitCodes } from './command.js'
import { makeProgram } from './program.js'
import { complain } from './say.js'

const program = makeProgram()
throwInPlaceOfExit(program)

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

/** Subcommands do not inherit it. */
function throwInPlaceOfExit(command: Command): void {
  command.exitOverride()
  for (const one of command.commands) throwInPlaceOfExit(one)
}
