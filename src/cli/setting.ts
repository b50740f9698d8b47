import { TidingsError } from '../errors.js'

/** One setting: a flag, the same as a variable, and how its text is read. */
export interface Setting<Value> {
  /** As commander wants it: `--port <number>`. Without a value it is a switch. */
  readonly flag: string
  readonly help: string
  /** Reads the text; throws an Error whose message completes "must be …". */
  read(text: string): Value
}

export type Settings = Readonly<Record<string, Setting<unknown>>>
export type ValuesOf<Table extends Settings> = { readonly [Name in keyof Table]?: ReturnType<Table[Name]['read']> }

export const flagName = (setting: Setting<unknown>): string => setting.flag.split(' ')[0] as string
export const variableName = (setting: Setting<unknown>): string =>
  `TIDINGS_${flagName(setting).slice(2).replaceAll('-', '_').toUpperCase()}`

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Takes each setting from its flag, else from its variable; an empty variable counts as absent. Throws `option_invalid`
 * that names the flag or the variable at fault.
 */
export function readSettings<Table extends Settings>(
  table: Table,
  flags: Readonly<Record<string, string | true>>,
  environment: Environment,
): ValuesOf<Table> {
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(table)) {
    const variable = variableName(setting)
    const text = flags[name] ?? (environment[variable] || undefined)
    if (text === undefined) continue
    const field = name in flags ? flagName(setting) : variable
    try {
      values[name] = setting.read(text === true ? 'true' : text)
    } catch (cause) {
      throw new TidingsError('option_invalid', `${field} must be ${(cause as Error).message}, not "${text}".`, {
        field,
        cause,
      })
    }
  }
  return values as ValuesOf<Table>
}

/** Throws `option_invalid` for a variable `TIDINGS_*` that is no setting: a typing error must not pass for a default. */
export function refuseUnknownVariables(known: readonly Setting<unknown>[], environment: Environment): void {
  const names = new Set(known.map(variableName))
  const unknown = Object.keys(environment).find((name) => name.startsWith('TIDINGS_') && !names.has(name))
  if (unknown) {
    throw new TidingsError('option_invalid', `${unknown} is no setting. See: tidings serve --help`, { field: unknown })
  }
}

export const text = (flag: string, help: string): Setting<string> => ({
  flag,
  help,
  read(value) {
    if (value === '') throw new Error('given a value')
    return value
  },
})

/** A switch; as a variable `true`, `1`, `false` or `0`. */
export const onOff = (flag: string, help: string): Setting<boolean> => ({
  flag,
  help,
  read(value) {
    if (value === 'true' || value === '1') return true
    if (value === 'false' || value === '0') return false
    throw new Error('true or false')
  },
})

export const whole = (
  flag: string,
  help: string,
  { least = 1, most = Number.MAX_SAFE_INTEGER } = {},
): Setting<number> => ({
  flag,
  help,
  read(value) {
    const number = Number(value)
    if (!/^[0-9]+$/.test(value) || number < least || number > most) {
      throw new Error(
        most === Number.MAX_SAFE_INTEGER
          ? `a whole number of at least ${least}`
          : `a whole number from ${least} to ${most}`,
      )
    }
    return number
  },
})

export const oneOf = <Word extends string>(flag: string, help: string, words: readonly Word[]): Setting<Word> => ({
  flag,
  help,
  read(value) {
    const word = words.find((each) => each === value)
    if (word === undefined) throw new Error(words.join(' or '))
    return word
  },
})

export function present<Shape extends object>(values: Shape): { [Name in keyof Shape]?: NonNullable<Shape[Name]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}

export const refusal = (field: string, message: string): TidingsError =>
  new TidingsError('option_invalid', message, { field })

export const contradiction = (one: string, other: string, why = ''): TidingsError =>
  refusal(one, `${one} and ${other} contradict each other. ${why}`.trimEnd())
