const cells = 24

/** `share` from 0 to 1 as a bar of text. */
export function bar(share: number): string {
  const full = Math.floor(Math.min(1, Math.max(0, share)) * cells)
  return `${'█'.repeat(full)}${'░'.repeat(cells - full)}`
}

/** A line on standard error that is drawn anew while something takes long; nothing where nobody looks on. */
export function progressLine(stream: NodeJS.WriteStream = process.stderr): { show(line: string): void; clear(): void } {
  const isShown = stream.isTTY === true
  const clear = '\r\x1b[2K'
  return {
    show: (line) =>
      void (isShown && stream.write(`${clear}${line.slice(0, Math.max(20, (stream.columns ?? 80) - 1))}`)),
    clear: () => void (isShown && stream.write(clear)),
  }
}
