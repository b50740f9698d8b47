/** One setting: a flag, the same as a variable and as a key of `tidings.config`, and how it is read (spec H10). */
export interface Setting<Value> {
  /** As commander wants it: `--port <number>`. Without a value it is a switch. */
  readonly flag: string
  /** What it does; the default is told beside it. */
  readonly help: string
  /** What is in force where nobody says anything; absent: nothing is. */
  readonly fallback?: Value | undefined
  /** Never shown. */
  readonly secret?: boolean
  /** Reads the text; throws an Error whose message completes "must be …". */
  read(text: string): Value
  /** What stands in a file, as the text of a flag; undefined where it cannot be one. */
  written(value: unknown): string | undefined
  /** For people, without secrets. Default: as JSON would have it. */
  show?(value: Value): string
}

export type Settings = Readonly<Record<string, Setting<unknown>>>
export type ValuesOf<Table extends Settings> = { readonly [Name in keyof Table]?: ReturnType<Table[Name]['read']> }

export const flagName = (setting: Setting<unknown>): string => setting.flag.split(' ')[0] as string
export const variableName = (setting: Setting<unknown>): string =>
  `TIDINGS_${flagName(setting).slice(2).replaceAll('-', '_').toUpperCase()}`

/** The defaults of a table in which each setting has one. */
export const fallbacksOf = <Table extends Settings>(table: Table): Required<ValuesOf<Table>> =>
  Object.fromEntries(Object.entries(table).map(([name, { fallback }]) => [name, fallback])) as never

/** A value as people read it: never a secret. */
export function shown(setting: Setting<unknown>, value: unknown): string {
  if (setting.secret) return '(hidden)'
  return setting.show ? setting.show(value) : String(value)
}

/** The default in words, as the end of a line; empty where there is none to tell. */
export function defaultOf(setting: Setting<unknown>): string {
  const { fallback } = setting
  return fallback === undefined || fallback === false ? '' : ` (default ${shown(setting, fallback)})`
}

/** What the help says of it. */
export const helpOf = (setting: Setting<unknown>): string =>
  `${setting.help}${defaultOf(setting)} [${variableName(setting)}]`

interface Shape<Value> {
  readonly fallback?: Value
  readonly secret?: boolean
  show?(value: Value): string
}

const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

export const text = (flag: string, help: string, shape: Shape<string> = {}): Setting<string> => ({
  flag,
  help,
  ...shape,
  written: asText,
  read(value) {
    if (value === '') throw new Error('given a value')
    return value
  },
})

/** Several, by commas; in a file also an array. */
export const list = (flag: string, help: string, shape: Shape<string> = {}): Setting<string> => ({
  ...text(flag, `${help}, by commas`, shape),
  written: (value) =>
    Array.isArray(value) && value.every((one) => typeof one === 'string' && !one.includes(','))
      ? value.join(',')
      : asText(value),
})

/** What a {@link list} holds. */
export function listed(text: string): string[]
export function listed(text: string | undefined): string[] | undefined
export function listed(text: string | undefined): string[] | undefined {
  return text?.split(',').map((one) => one.trim())
}

/** A switch; as a variable `true`, `1`, `false` or `0`. */
export const onOff = (flag: string, help: string): Setting<boolean> => ({
  flag,
  help,
  fallback: false,
  written: (value) => (typeof value === 'boolean' ? String(value) : asText(value)),
  read(value) {
    if (value === 'true' || value === '1') return true
    if (value === 'false' || value === '0') return false
    throw new Error('true or false')
  },
})

export const whole = (
  flag: string,
  help: string,
  { least = 1, most = Number.MAX_SAFE_INTEGER, ...shape }: Shape<number> & { least?: number; most?: number } = {},
): Setting<number> => ({
  flag,
  help,
  ...shape,
  written: (value) => (typeof value === 'number' ? String(value) : asText(value)),
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

export const oneOf = <Word extends string>(
  flag: string,
  help: string,
  words: readonly Word[],
  shape: Shape<Word> = {},
): Setting<Word> => ({
  flag,
  help,
  ...shape,
  written: asText,
  read(value) {
    const word = words.find((each) => each === value)
    if (word === undefined) throw new Error(words.join(' or '))
    return word
  },
})

export function present<Shape extends object>(values: Shape): { [Name in keyof Shape]?: NonNullable<Shape[Name]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}
