import { useEffect } from 'react'

/** `/` goes to the filter of the view, and Escape out of it. */
export function useKeys(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement
      const writing = target.matches?.('input, textarea, select, [contenteditable]')
      if (event.key === 'Escape' && target.matches?.('[data-filter]')) target.blur()
      if (event.key !== '/' || writing || event.ctrlKey || event.metaKey || event.altKey) return
      if (document.querySelector('dialog[open]')) return
      const filter = document.querySelector<HTMLInputElement>('[data-filter]')
      if (!filter) return
      event.preventDefault()
      filter.focus()
      filter.select()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
}
