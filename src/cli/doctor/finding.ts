/** `note`: worth knowing; `warning`: works, and could be better; `bad`: people will notice; `skipped`: could not be looked at. */
export type Level = 'ok' | 'note' | 'warning' | 'bad' | 'skipped'

/** What one look found. */
export interface Finding {
  /** What programs compare, and the heading in the troubleshooting guide. */
  readonly code: string
  readonly level: Level
  /** In plain words. */
  readonly says: string
  /** What to change, line by line. */
  readonly fix?: readonly string[]
}

export const guide = 'docs/guides/troubleshooting.md'

export const ok = (code: string, says: string): Finding => ({ code, level: 'ok', says })
export const note = (code: string, says: string): Finding => ({ code, level: 'note', says })
export const skipped = (code: string, says: string): Finding => ({ code, level: 'skipped', says })
export const warning = (code: string, says: string, ...fix: readonly string[]): Finding => ({
  code,
  level: 'warning',
  says,
  fix,
})
export const bad = (code: string, says: string, ...fix: readonly string[]): Finding => ({
  code,
  level: 'bad',
  says,
  fix,
})
