/** Keeps what is remembered bounded: lets go of what was added first, where there is more than `limit`. */
export function forgetOldest(all: Map<string, unknown> | Set<string>, limit: number): void {
  if (all.size > limit) all.delete(all.keys().next().value as string)
}
