/** What the platform tells about network and page. */
export type EnvironmentNews = 'online' | 'offline' | 'visible' | 'frozen' | 'resumed'

/** A small replaceable object: tests and other runtimes bring their own. */
export interface Environment {
  /** Calls `listener` with news until the returned function is called. */
  watch(listener: (news: EnvironmentNews) => void): () => void
}

/** A page that may come back from the back-forward cache closes its streams: open ones can keep it from being cached. */
const newsOf = {
  online: 'online',
  offline: 'offline',
  visibilitychange: 'visible',
  pagehide: 'frozen',
  pageshow: 'resumed',
} as const

/** The page or worker this code runs in. Where there is none, as in Node, there is never any news. */
export const browserEnvironment: Environment = {
  watch(listener) {
    const self = globalThis as Partial<EventTarget>
    const stop = new AbortController()
    for (const [type, news] of Object.entries(newsOf)) {
      const hear = (event: Event): void => {
        // Only the events of the back-forward cache have `persisted`.
        const { persisted = news !== 'visible' || !document.hidden } = event as Partial<PageTransitionEvent>
        if (persisted) listener(news)
      }
      self.addEventListener?.(type, hear, stop)
    }
    return () => stop.abort()
  },
}
