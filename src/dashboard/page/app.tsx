import { QueryClientProvider } from '@tanstack/react-query'
import { Compass } from 'lucide-react'
import { type ReactNode, Suspense, useEffect } from 'react'
import { Toaster } from 'sonner'
import { Route, Router, Switch, useLocation } from 'wouter'
import { pagePath } from './hub/address.js'
import { closeEventTap } from './hub/event-tap.js'
import { closeLiveClient } from './hub/live-client.js'
import { queryClient } from './hub/queries.js'
import { useSession } from './hub/session.js'
import { Gate } from './shell/gate.js'
import { useKeys } from './shell/keys.js'
import { Shell } from './shell/shell.js'
import { useShownTheme } from './shell/theme.js'
import { ViewBoundary } from './shell/view-boundary.js'
import { views } from './shell/views.js'
import { Empty, Loading } from './ui/states.js'

export function App() {
  const { token } = useSession()
  const theme = useShownTheme()
  useKeys()
  // What one person was shown is not for the next.
  useEffect(
    () => () => {
      queryClient.clear()
      closeLiveClient()
      closeEventTap()
    },
    [token],
  )
  return (
    <QueryClientProvider client={queryClient}>
      <Router base={pagePath}>
        <Gate key={token}>
          <Shell>
            <View>
              <Switch>
                {views.map(({ path, component }) => (
                  <Route key={path} path={`/${path}`} component={component} />
                ))}
                <Route>
                  <Empty icon={<Compass />} title="There is no such view">
                    The menu has those that there are.
                  </Empty>
                </Route>
              </Switch>
            </View>
          </Shell>
        </Gate>
      </Router>
      <Toaster theme={theme} position="bottom-right" closeButton />
    </QueryClientProvider>
  )
}

/** A view that failed does not stand in the way of the next. */
function View({ children }: { children: ReactNode }) {
  const [path] = useLocation()
  return (
    <ViewBoundary key={path}>
      <Suspense fallback={<Loading />}>{children}</Suspense>
    </ViewBoundary>
  )
}
