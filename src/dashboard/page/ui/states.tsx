import { CircleAlert, LoaderCircle, RotateCw } from 'lucide-react'
import type { ReactNode } from 'react'
import { Button } from './button.js'

/** Nothing is there: what that means, and what one can do. */
export function Empty({ icon, title, children }: { icon?: ReactNode; title: string; children?: ReactNode }) {
  return (
    <div className="flex flex-col items-center justify-center gap-2 px-6 py-14 text-center">
      {icon && <div className="mb-1 text-muted [&>svg]:size-7 [&>svg]:stroke-[1.5]">{icon}</div>}
      <p className="font-medium">{title}</p>
      {children && <div className="max-w-md text-[0.8125rem] text-muted">{children}</div>}
    </div>
  )
}

/** It could not be had: why, in the hub's words, and a way to try again. */
export function Failure({ error, retry }: { error: Error; retry?: () => void }) {
  return (
    <div role="alert" className="flex flex-col items-center justify-center gap-2 px-6 py-14 text-center">
      <CircleAlert aria-hidden className="mb-1 size-7 stroke-[1.5] text-bad" />
      <p className="font-medium">That did not work</p>
      <p className="max-w-md text-[0.8125rem] text-muted">{error.message}</p>
      {retry && (
        <Button onClick={retry} className="mt-2">
          <RotateCw aria-hidden /> Try again
        </Button>
      )}
    </div>
  )
}

export function Loading({ what = 'Loading' }: { what?: string }) {
  return (
    <div role="status" className="flex items-center justify-center gap-2 px-6 py-14 text-[0.8125rem] text-muted">
      <LoaderCircle aria-hidden className="size-4 animate-spin" /> {what}…
    </div>
  )
}
