/** What the platform tells about network and page. */
export type EnvironmentNews = 'online' | 'offline' | 'visible' | 'frozen' | 'resumed'

/** A small replaceable object: tests and other runtimes bring their own. */
export interface Environment {
  /** Calls `listener` with news until the returned function is called. */
  watch(listener: (news: EnvironmentNews) => void): () => void
}

/** The page or worker this code runs in. Where there is none, as in Node, there is never any news. */
export const browserEnvironment: Environment = {
  watch(listener) {
    const self = globalThis as Partial<EventTarget>
    const stop = new AbortController()
    const hear = (event: Event): void => {
      const news = newsOf(event as PageTransitionEvent)
      if (news) listener(news)
    }
    for (const type of ['online', 'offline', 'visibilitychange', 'pagehide', 'pageshow'])
      self.addEventListener?.(type, hear, stop)
    return () => stop.abort()
  },
}

/** A page that may come back from the back-forward cache closes its streams: open ones can keep it from being cached. */
function newsOf({ type, persisted }: PageTransitionEvent): EnvironmentNews | false {
  if (type === 'online' || type === 'offline') return type
  if (type === 'visibilitychange') return !document.hidden && 'visible'
  return persisted && (type === 'pagehide' ? 'frozen' : 'resumed')
}
