import { TidingsError } from '../errors.js'
import { didYouMean, refusal } from './refusal.js'
import { type Setting, type Settings, type ValuesOf, flagName, variableName } from './setting.js'

export type Flags = Readonly<Record<string, string | true>>
export type Environment = Readonly<Record<string, string | undefined>>

/** Where a value was found. */
export type Origin = 'flag' | 'environment' | 'file' | 'default'

/** What stands in `tidings.config`; `name` is what people are told. */
export interface ConfigFile {
  readonly name: string
  readonly values: Readonly<Record<string, unknown>>
}

export interface Gathered<Table extends Settings> {
  /** Only what was given. */
  readonly values: ValuesOf<Table>
  readonly origins: Readonly<Record<string, Origin>>
}

/**
 * Takes each setting from its flag, else from its variable, else from the file (H10); an empty variable counts as absent.
 * Throws `option_invalid` that names the flag, the variable or the key at fault.
 */
export function gather<Table extends Settings>(
  table: Table,
  flags: Flags,
  environment: Environment,
  file: ConfigFile | null = null,
): Gathered<Table> {
  const values: Record<string, unknown> = {}
  const origins: Record<string, Origin> = {}
  for (const [name, setting] of Object.entries(table)) {
    const found = find(name, setting, flags, environment, file)
    origins[name] = found?.origin ?? 'default'
    if (!found) continue
    const { field, given, text } = found
    try {
      if (text === undefined) throw new Error('of the kind that the flag takes')
      values[name] = setting.read(text)
    } catch (cause) {
      const not = setting.secret ? '' : `, not ${JSON.stringify(given)?.slice(0, 200)}`
      throw new TidingsError('option_invalid', `${field} must be ${(cause as Error).message}${not}.`, { field, cause })
    }
  }
  return { values: values as ValuesOf<Table>, origins }
}

/** {@link gather} where no file counts and nobody asks from where. */
export const readSettings = <Table extends Settings>(
  table: Table,
  flags: Flags,
  environment: Environment,
): ValuesOf<Table> => gather(table, flags, environment).values

function find(
  name: string,
  setting: Setting<unknown>,
  flags: Flags,
  environment: Environment,
  file: ConfigFile | null,
): { origin: Origin; field: string; given: unknown; text: string | undefined } | null {
  const flag = flags[name]
  if (flag !== undefined)
    return { origin: 'flag', field: flagName(setting), given: flag, text: flag === true ? 'true' : flag }
  const variable = variableName(setting)
  const text = environment[variable] || undefined
  if (text !== undefined) return { origin: 'environment', field: variable, given: text, text }
  const given = file?.values[name]
  if (given === undefined) return null
  return { origin: 'file', field: `"${name}" in ${file?.name}`, given, text: setting.written(given) }
}

/** Throws `option_invalid` for a variable `TIDINGS_*` that is no setting: a typing error must not pass for a default. */
export function refuseUnknownVariables(known: readonly Setting<unknown>[], environment: Environment): void {
  const names = new Set(known.map(variableName))
  const unknown = Object.keys(environment).find((name) => name.startsWith('TIDINGS_') && !names.has(name))
  if (unknown) throw refusal(unknown, `${unknown} is no setting.${didYouMean(unknown, names)} ${seeHelp}`)
}

/** The same for the keys of a file. */
export function refuseUnknownKeys(known: Settings, { name, values }: ConfigFile): void {
  const unknown = Object.keys(values).find((key) => !Object.hasOwn(known, key))
  if (unknown === undefined) return
  const field = `"${unknown}" in ${name}`
  throw refusal(field, `${field} is no setting.${didYouMean(unknown, Object.keys(known))} ${seeHelp}`)
}

const seeHelp = 'See: tidings serve --help'
