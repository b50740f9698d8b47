let probe: HTMLElement | null = null

/** A colour of the design as the page shows it at the moment, for a canvas, which knows no variables. */
export function colourOf(token: string): string {
  probe ??= document.body.appendChild(Object.assign(document.createElement('i'), { hidden: true }))
  probe.style.color = `var(--color-${token})`
  return getComputedStyle(probe).color
}
