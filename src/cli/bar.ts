const cells = 24

/** `share` from 0 to 1 as a bar of text. */
export function bar(share: number): string {
  const full = Math.floor(Math.min(1, Math.max(0, share)) * cells)
  return `${'█'.repeat(full)}${'░'.repeat(cells - full)}`
}

/** How wide a terminal is; one that was given no size says 0 (`docker run -t`, `script`). */
export const widthOf = (stream: { readonly columns?: number }): number => stream.columns || 80

/** A line on standard error that is drawn anew while something takes long; nothing where nobody looks on. */
export function progressLine(stream: NodeJS.WriteStream = process.stderr): { show(line: string): void; clear(): void } {
  const isShown = stream.isTTY === true
  const clear = '\r\x1b[2K'
  return {
    show: (line) => void (isShown && stream.write(`${clear}${line.slice(0, Math.max(20, widthOf(stream) - 1))}`)),
    clear: () => void (isShown && stream.write(clear)),
  }
}
