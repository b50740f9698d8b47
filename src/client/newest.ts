const most = 1_000

/** Keeps what is remembered bounded: lets go of what was added first, where there is more than a thousand. */
export function forgetOldest(all: Map<string, unknown>): void {
  if (all.size > most) all.delete(all.keys().next().value as string)
}
