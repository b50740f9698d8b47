/** The two waves of `icon.svg`. */
export function Logo() {
  return (
    <svg aria-hidden viewBox="0 0 32 32" className="size-7 shrink-0">
      <rect width="32" height="32" rx="8" className="fill-accent-fill" />
      <g fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round">
        <path d="M7 13c3-4 6-4 9 0s6 4 9 0" />
        <path d="M7 20c3-4 6-4 9 0s6 4 9 0" opacity="0.6" />
      </g>
    </svg>
  )
}
