type Child = Node | string | null | false

interface Attributes {
  readonly [name: string]: string | number | boolean | ((event: Event) => unknown) | null | undefined
}

/** Makes an element: functions become listeners (`onclick`), `false` and null leave an attribute out. Text is never HTML. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name.slice(2), value)
    else if (value !== null && value !== undefined && value !== false)
      made.setAttribute(name, value === true ? '' : String(value))
  }
  for (const child of children) if (child !== null && child !== false) made.append(child)
  return made
}

/** Changes a text only where it differs, so that selections and screen readers are left alone. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text
}

/** Says something to screen readers. */
export function announce(text: string): void {
  const announcer = document.querySelector('#announcer')
  if (announcer) setText(announcer, text)
}
