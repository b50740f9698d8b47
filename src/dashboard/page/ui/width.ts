import { useSyncExternalStore } from 'react'

export type Width = 'phone' | 'medium' | 'wide'

const medium = matchMedia('(min-width: 48rem)')
const wide = matchMedia('(min-width: 80rem)')

function subscribe(listener: () => void): () => void {
  medium.addEventListener('change', listener)
  wide.addEventListener('change', listener)
  return () => {
    medium.removeEventListener('change', listener)
    wide.removeEventListener('change', listener)
  }
}

/** How much room the window has, for what style sheets cannot say. */
export const useWidth = (): Width =>
  useSyncExternalStore(subscribe, () => (wide.matches ? 'wide' : medium.matches ? 'medium' : 'phone'))
