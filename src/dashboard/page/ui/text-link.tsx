import type { ReactNode } from 'react'
import { Link } from 'wouter'

/** To another view, within words. */
export const TextLink = ({ href, children }: { href: string; children: ReactNode }) => (
  <Link href={href} className="font-medium text-accent underline underline-offset-2">
    {children}
  </Link>
)
