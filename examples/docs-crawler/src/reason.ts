/** Why something failed, in words that people read. `fetch` throws a TypeError "fetch failed" and keeps the reason below. */
export function reasonOf(error: unknown): string {
  const below = error instanceof TypeError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined
  const words = below?.message || below?.code || (error instanceof Error ? error.message : String(error))
  return words.slice(0, 300)
}
