import { Command } from 'commander'
import { type Setting, type Settings, defaultOf, helpOf } from './setting.js'

/** How the process ends; the reference shows this table. */
export const exitCodes = {
  done: { code: 0, means: 'done' },
  failed: { code: 1, means: 'refused, failed, or found wanting; standard error says why' },
  usage: {
    code: 2,
    means: 'called wrongly: an unknown flag, a setting that cannot be, two that contradict each other',
  },
} as const

export interface CommandWords {
  /** `publish <topic> <type> <json>` */
  readonly usage: string
  readonly help: string
  /** What it can be told by flag and by variable. */
  readonly settings?: Settings
  /** What it can be told by flag alone. */
  readonly options?: Settings
  readonly examples: readonly (readonly [line: string, does: string])[]
  /** Where they mean more than {@link exitCodes} says. */
  readonly exits?: string
}

const words = new WeakMap<Command, CommandWords>()

/** What a command was made from; undefined for those that only hold others. */
export const wordsOf = (command: Command): CommandWords | undefined => words.get(command)

/** A command with its flags, its examples and its exit codes in its help. */
export function addCommand(parent: Command, told: CommandWords): Command {
  const { usage, help, settings = {}, options = {}, examples, exits } = told
  const command = parent.command(usage).description(help)
  for (const option of Object.values(options)) command.option(option.flag, flagHelp(option))
  for (const setting of Object.values(settings)) command.option(setting.flag, helpOf(setting))
  const shown = examples.map(([line, does]) => `  $ ${line}\n      ${does}`)
  const codes = Object.values(exitCodes).map(({ code, means }) => `  ${code}  ${means}`)
  const ends = [...codes, ...(exits === undefined ? [] : [`  ${exits}`])]
  command.addHelpText('after', `\nExamples:\n${shown.join('\n')}\n\nExit codes:\n${ends.join('\n')}`)
  words.set(command, told)
  return command
}

const flagHelp = (setting: Setting<unknown>): string => `${setting.help}${defaultOf(setting)}`
