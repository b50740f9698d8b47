import { X } from 'lucide-react'
import { type ReactNode, useId, useLayoutEffect, useRef } from 'react'
import { Button } from './button.js'

/**
 * Details at the side, over the page. A `<dialog>` of the browser: it keeps the focus in, gives it back, and closes at Escape,
 * without a style sheet written into the page as dialogs of libraries do.
 */
export function Drawer({
  title,
  aside,
  footer,
  onClose,
  children,
}: {
  title: ReactNode
  aside?: ReactNode
  /** What one can do, always in sight. */
  footer?: ReactNode
  onClose: () => void
  children: ReactNode
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  // Before it leaves the page: one that has left gives no focus back.
  useLayoutEffect(() => {
    const element = dialog.current
    if (element && !element.open) element.showModal()
    return () => element?.close()
  }, [])
  return (
    <dialog
      ref={dialog}
      className="drawer"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div className="flex h-full flex-col">
        <header className="flex items-center gap-3 border-b border-line py-3 pr-3 pl-5">
          <h2 id={id} className="line-clamp-3 min-w-0 flex-1 font-semibold wrap-anywhere">
            {title}
          </h2>
          {aside}
          <Button kind="quiet" aria-label="Close" className="w-8 px-0" onClick={onClose}>
            <X aria-hidden />
          </Button>
        </header>
        <div className="min-h-0 flex-1 overflow-y-auto p-5">{children}</div>
        {footer && <footer className="border-t border-line px-5 py-4">{footer}</footer>}
      </div>
    </dialog>
  )
}

/** Names and values below one another. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className="grid grid-cols-[minmax(6rem,auto)_1fr] gap-x-5 gap-y-2 text-[0.8125rem]">{children}</dl>
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (children === undefined || children === null || children === false || children === '') return null
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="figures min-w-0 break-words">{children}</dd>
    </>
  )
}
