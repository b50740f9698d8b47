/** Endings of files that are certainly no pages; asking a site for them would only cost it time. */
const noPage =
  /\.(?:png|jpe?g|gif|svg|webp|avif|ico|css|m?js|json|xml|rss|atom|txt|pdf|zip|gz|tgz|bz2|xz|7z|tar|deb|rpm|exe|dmg|iso|mp[34]|webm|ogg|wav|woff2?|ttf|otf|eot|epub|sql|csv)$/i
const longestUrl = 2_000

/**
 * The one spelling of a page's address, so that each page is read once: absolute, http or https, without fragment and
 * credentials. Null for what is no page.
 */
export function pageAddress(href: string, base?: string | URL): string | null {
  if (!URL.canParse(href, base)) return null
  const url = new URL(href, base)
  if ((url.protocol !== 'http:' && url.protocol !== 'https:') || url.username || url.password) return null
  url.hash = ''
  return url.href.length > longestUrl || noPage.test(url.pathname) ? null : url.href
}

/** The pages of `origin` that a document links to, in the order of their first mention. */
export function linksOf(document: Document, pageUrl: string, origin: string): string[] {
  if (/\bnofollow\b|\bnone\b/i.test(document.querySelector('meta[name="robots"]')?.getAttribute('content') ?? ''))
    return []
  const base = baseOf(document, pageUrl)
  const links = new Set<string>()
  for (const anchor of document.querySelectorAll('a[href]')) {
    if (/\bnofollow\b/i.test(anchor.getAttribute('rel') ?? '')) continue
    const address = pageAddress(anchor.getAttribute('href') ?? '', base)
    if (address && new URL(address).origin === origin && address !== pageUrl) links.add(address)
  }
  return [...links]
}

/** What relative addresses of a document are relative to. */
export function baseOf(document: Document, pageUrl: string): string {
  const href = document.querySelector('base[href]')?.getAttribute('href')
  return href && URL.canParse(href, pageUrl) ? new URL(href, pageUrl).href : pageUrl
}
