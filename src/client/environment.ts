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
    // Not all of these exist everywhere: workers have no document, Node has none of them.
    const page = (globalThis as { document?: Document }).document
    const stop = new AbortController()
    const hear = (event: Event): void => {
      const news = newsOf(event as PageTransitionEvent, page)
      if (news) listener(news)
    }
    const self = globalThis as Partial<EventTarget>
    for (const type of ['online', 'offline', 'pagehide', 'pageshow']) self.addEventListener?.(type, hear, stop)
    page?.addEventListener('visibilitychange', hear, stop)
    return () => stop.abort()
  },
}

/** A page that may come back from the back-forward cache closes its streams: open ones can keep it from being cached. */
function newsOf({ type, persisted }: PageTransitionEvent, page?: Document): EnvironmentNews | false {
  if (type === 'online' || type === 'offline') return type
  if (type === 'visibilitychange') return !page?.hidden && 'visible'
  return persisted && (type === 'pagehide' ? 'frozen' : 'resumed')
}
