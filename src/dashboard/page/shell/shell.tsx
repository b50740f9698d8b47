import { LogOut, Menu, Monitor, Moon, Sun } from 'lucide-react'
import { type ReactNode, useEffect, useState } from 'react'
import { Link, useLocation } from 'wouter'
import { Button } from '../ui/button.js'
import { classNames } from '../ui/class-names.js'
import { endSession, useSession } from '../hub/session.js'
import { ConnectionBanner, ConnectionDot } from './connection-banner.js'
import { type Theme, chooseTheme, useTheme } from './theme.js'
import { Logo } from './logo.js'
import { views } from './views.js'

/** What is around every view: the menu, the state of the connection, who is signed in. On a phone the menu folds away. */
export function Shell({ children }: { children: ReactNode }) {
  const [location] = useLocation()
  const [open, setOpen] = useState(false)
  const here = views.find(({ path }) => `/${path}` === location)
  useEffect(() => setOpen(false), [location])
  useEffect(() => {
    document.title = here ? `${here.name} · Tidings` : 'Tidings'
  }, [here])
  return (
    <div className="flex min-h-dvh flex-col md:flex-row">
      <aside className="z-10 flex shrink-0 flex-col border-line bg-panel max-md:sticky max-md:top-0 max-md:border-b md:sticky md:top-0 md:h-dvh md:w-52 md:border-r">
        <div className="flex h-14 items-center gap-2.5 px-4">
          <Logo />
          <span className="font-semibold tracking-tight">Tidings</span>
          <span className="ml-auto md:hidden">
            <Button
              kind="quiet"
              aria-label="Menu"
              aria-expanded={open}
              aria-controls="menu"
              className="w-9 px-0"
              onClick={() => setOpen(!open)}
            >
              <Menu aria-hidden />
            </Button>
          </span>
        </div>
        <div
          id="menu"
          className={classNames('flex-1 flex-col overflow-y-auto md:flex', open ? 'flex' : 'max-md:hidden')}
        >
          <nav aria-label="Views" className="flex flex-col gap-0.5 px-2.5 pb-3">
            {views.map(({ path, name, icon: Icon }) => (
              <Link
                key={path}
                href={`/${path}`}
                onClick={() => setOpen(false)}
                aria-current={`/${path}` === location ? 'page' : undefined}
                className={classNames(
                  'flex h-8 items-center gap-2.5 rounded-md px-2.5 text-[0.8125rem] font-medium',
                  `/${path}` === location ? 'bg-accent-soft text-accent' : 'text-muted hover:bg-raised hover:text-ink',
                )}
              >
                <Icon aria-hidden className="size-4" /> {name}
              </Link>
            ))}
          </nav>
          <Foot />
        </div>
      </aside>
      <div className="flex min-w-0 flex-1 flex-col">
        <ConnectionBanner />
        <main id="main" className="mx-auto w-full max-w-[96rem] flex-1 p-4 md:p-6">
          {children}
        </main>
      </div>
    </div>
  )
}

function Foot() {
  const { user, namespace, token } = useSession()
  return (
    <div className="mt-auto flex flex-col gap-3 border-t border-line p-4 text-xs text-muted">
      <ConnectionDot />
      <div className="flex items-center justify-between gap-2">
        <span className="min-w-0 truncate" title={`${user ?? 'no name'} in ${namespace ?? 'default'}`}>
          {user ?? 'Signed in'} · {namespace ?? 'default'}
        </span>
        {token !== null && (
          <Button
            kind="quiet"
            aria-label="Sign out"
            title="Sign out"
            className="h-7 w-7 px-0"
            onClick={() => endSession(null)}
          >
            <LogOut aria-hidden />
          </Button>
        )}
      </div>
      <ThemeSwitch />
    </div>
  )
}

const themes = [
  ['system', 'As the system', Monitor],
  ['light', 'Light', Sun],
  ['dark', 'Dark', Moon],
] as const satisfies readonly (readonly [Theme, string, unknown])[]

function ThemeSwitch() {
  const chosen = useTheme()
  return (
    <fieldset className="flex rounded-md border border-line p-0.5">
      <legend className="sr-only">Colours</legend>
      {themes.map(([theme, name, Icon]) => (
        <button
          key={theme}
          type="button"
          aria-label={name}
          title={name}
          aria-pressed={chosen === theme}
          onClick={() => chooseTheme(theme)}
          className={classNames(
            'flex h-6 flex-1 items-center justify-center rounded-sm',
            chosen === theme ? 'bg-raised text-ink' : 'text-muted hover:text-ink',
          )}
        >
          <Icon aria-hidden className="size-3.5" />
        </button>
      ))}
    </fieldset>
  )
}
