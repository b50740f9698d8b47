import { type ErrorCode, TidingsError } from '../../errors.js'

/** SQLite's primary result codes that decide what the store does. */
const sqlite = { busy: 5, readOnly: 8, inputOutput: 10, corrupt: 11, full: 13, cantOpen: 14, notADatabase: 26 } as const

/** A failure as it travels between threads: error classes do not survive the way. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
}

function resultCode(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return null
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null
}

export const isBusy = (error: unknown): boolean => resultCode(error) === sqlite.busy

/** The file itself is damaged. */
export function isDamage(error: unknown): boolean {
  const code = resultCode(error)
  return code === sqlite.corrupt || code === sqlite.notADatabase
}

/** A full disk or a read-only file is found before the commit record is written: nothing was done, and it may pass. */
export function nothingWasWritten(error: unknown): boolean {
  const code = resultCode(error)
  return code === sqlite.full || code === sqlite.readOnly || code === sqlite.busy
}

export function describeFailure(error: unknown): Failure {
  if (error instanceof TidingsError) return { code: error.code, message: error.message }
  const text = error instanceof Error ? error.message : String(error)
  switch (resultCode(error)) {
    case null:
      if (error instanceof Error && 'syscall' in error) {
        return { code: 'store_unavailable', message: `The SQLite store cannot use its files: ${text}` }
      }
      return { code: 'internal', message: `The SQLite store failed: ${text}` }
    case sqlite.full:
      return {
        code: 'store_unavailable',
        message: 'The disk of the SQLite store is full. Nothing was stored; free some space.',
      }
    case sqlite.readOnly:
      return { code: 'store_unavailable', message: 'The file of the SQLite store is read-only. Nothing was stored.' }
    case sqlite.corrupt:
    case sqlite.notADatabase:
      return {
        code: 'store_corrupt',
        message: `The file of the SQLite store is damaged (${text}). Restore a copy with "newEpoch".`,
      }
    default:
      return { code: 'store_unavailable', message: `SQLite failed: ${text}` }
  }
}
