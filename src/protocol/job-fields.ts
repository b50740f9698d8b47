import { TidingsError } from '../errors.js'

/** How single fields of jobs and commands are checked. Each throws `job_invalid` naming the field. */

const encoder = new TextEncoder()

export function fields<Shape>(input: unknown, field: string, names: readonly string[]): Shape {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw invalid(field || 'job', 'must be a JSON object')
  for (const name of Object.keys(input)) {
    if (!names.includes(name))
      throw invalid(field ? `${field}.${name}` : name, `is unknown. Known are ${names.join(', ')}`)
  }
  return input as Shape
}

export function list(input: unknown, field: string, most: number): readonly unknown[] {
  if (!Array.isArray(input)) throw invalid(field, 'must be a list')
  if (input.length > most) throw invalid(field, `has ${input.length} members; at most ${most} go in one command`)
  return input
}

export function whole(value: unknown, field: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw invalid(field, 'must be a whole number of at least 0')
  return value
}

export function within(value: unknown, field: string, most: number): number {
  const checked = whole(value, field)
  if (checked < 1 || checked > most) throw invalid(field, `must be 1–${most}`)
  return checked
}

export function duration(value: unknown, field: string, preset: number, from: number, to: number): number {
  if (value === undefined || value === null) return preset
  const ms = whole(value, field)
  if (ms < from || ms > to) throw invalid(field, `must be ${from}–${to} ms`)
  return ms
}

export function text(value: unknown, field: string, most: number, least = 0): string {
  if (typeof value !== 'string' || value.length < least || value.length > most) {
    throw invalid(field, `must be a string of ${least}–${most} characters`)
  }
  return value
}

export function textInBytes(value: unknown, field: string, most: number): string {
  if (typeof value !== 'string') throw invalid(field, 'must be a string')
  if (bytesOf(JSON.stringify(value)) > most) throw invalid(field, `must be at most ${most} bytes of JSON`)
  return value
}

export function json(
  value: unknown,
  field: string,
  most: number,
  code: 'job_invalid' | 'data_too_large' = 'job_invalid',
): unknown {
  let encoded: string | undefined
  try {
    encoded = JSON.stringify(value)
  } catch (cause) {
    throw new TidingsError('job_invalid', `"${field}" must be JSON: no cycles, no BigInt.`, { field, cause })
  }
  if (encoded === undefined) throw invalid(field, 'must be JSON: no functions, no symbols')
  const bytes = bytesOf(encoded)
  if (bytes > most) {
    throw new TidingsError(code, `"${field}" is ${bytes} bytes of JSON; at most ${most} are allowed.`, { field })
  }
  return JSON.parse(encoded)
}

const bytesOf = (encoded: string): number => encoder.encode(encoded).length

export function invalid(field: string, what: string): TidingsError {
  return new TidingsError('job_invalid', `"${field}" ${what}.`, { field })
}
