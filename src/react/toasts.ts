import type { Notification, SystemAlert } from '../protocol/everyday.js'
import type { TidingsEvent } from '../protocol/event.js'
import { useEvent } from './events.js'

/** What is asked of a toast; `toast` of sonner understands it. */
export interface ToastOptions {
  /** The event's id: a toast is shown once. */
  readonly id: string
  readonly duration: number
  readonly closeButton: boolean
  readonly description?: string
  readonly action?: { readonly label: string; readonly onClick: () => void }
}

/** A toast of each kind; `toast` of sonner is one. */
export type Toast = Readonly<
  Record<'info' | 'success' | 'warning' | 'error', (title: string, options: ToastOptions) => unknown>
>

export interface UseToastsOptions {
  /** How long a toast stays. Default 5,000. Those that are persistent or critical stay until they are closed. */
  readonly durationMs?: number
  /** The word on the button that opens the event's `url`. Default `View`. */
  readonly view?: string
  /** Opens an address of http or https; no other gets a button. Default: the page goes there. */
  readonly open?: (url: string) => void
}

const kinds = ['success', 'warning', 'error'] as const

/**
 * Shows `notification` and `system.alert` events that are addressed to the person (E3) as toasts: `useToasts(toast)` with
 * sonner's `toast`, in one component of the page. The kind of a toast is the level of its notification.
 */
export function useToasts(
  toast: Toast,
  { durationMs = 5_000, view = 'View', open = (url) => location.assign(url) }: UseToastsOptions = {},
): void {
  const show = ({ id, priority, data }: TidingsEvent<string, Notification & SystemAlert>): void => {
    const { title, message, level, severity, url, persistent } = data
    // A toaster would throw on what is no text, and with it the page.
    if (typeof title !== 'string') throw new TypeError(`Event ${id} has no title.`)
    const kind = kinds.find((known) => known === (severity === 'critical' ? 'error' : (level ?? severity)))
    const stays = !!persistent || severity === 'critical' || priority === 'critical'
    const address = linkOf(url)
    toast[kind ?? 'info'](title, {
      id,
      duration: stays ? Number.POSITIVE_INFINITY : durationMs,
      closeButton: stays,
      ...(typeof message === 'string' && { description: message }),
      ...(address && { action: { label: view, onClick: () => open(address) } }),
    })
  }
  useEvent('notification', show)
  useEvent('system.alert', show)
}

/** The address, absolute, of a link that may be followed: `javascript:` and its like would run in the page. */
function linkOf(url: unknown): string | null {
  if (typeof url !== 'string' || !URL.canParse(url, location.href)) return null
  const { href } = new URL(url, location.href)
  return /^https?:/.test(href) ? href : null
}
