import { existsSync } from 'node:fs'
import { SignJWT } from 'jose'
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { patienceMs } from '../browser/page.js'
import { secret } from './serving.js'

const executablePath = '/usr/bin/chromium'

/** With `CI=true` a missing program is a failure. */
export const skipped = !existsSync(executablePath) && process.env.CI !== 'true'

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'] })

/**
 * A page of its own at `link`. When the test ends nothing may have gone against the policy of the page, no script may have
 * failed, and nothing that came from outside may have run (T20).
 */
export async function open(browser: Browser, link: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  context.setDefaultTimeout(patienceMs)
  const page = await context.newPage()
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`))
  page.on('console', (message) => {
    if (/content security policy|refused to/i.test(message.text())) faults.push(`policy: ${message.text()}`)
  })
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  await page.exposeFunction('tellFault', (fault: string) => void faults.push(fault))
  await page.addInitScript(() => {
    const { tellFault } = globalThis as unknown as { tellFault: (fault: string) => void }
    addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      tellFault(`policy: ${violatedDirective} ${blockedURI}`),
    )
  })
  onTestFinished(async () => {
    await context.close()
    expect(faults).toEqual([])
  })
  await page.goto(link)
  return page
}

/** A token of the hubs of `serveHub`. */
export const token = (
  claims: Record<string, unknown> = { admin: true, publish: ['*'], subscribe: ['*'] },
  life = '1h',
) =>
  new SignJWT({ tidings: claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('root')
    .setIssuedAt()
    .setExpirationTime(life)
    .sign(new TextEncoder().encode(secret))

/** How a page draws, from the times between its frames. */
export function smoothness(gaps: readonly number[]) {
  const sorted = gaps.toSorted((one, other) => one - other)
  const sum = (of: readonly number[]) => of.reduce((all, one) => all + one, 0)
  return {
    frames: gaps.length,
    medianMs: sorted[sorted.length >> 1] as number,
    p95Ms: sorted[Math.floor(sorted.length * 0.95)] as number,
    longestMs: sorted.at(-1) as number,
    /**
     * Of the time, while it drew four frames a second or more: all of it on a machine of its own, none of it where the page
     * itself stands still. Single frames say nothing: a machine that other work keeps busy stops for seconds.
     */
    drawing: sum(gaps.filter((gap) => gap <= 250)) / sum(gaps),
  }
}

/** What can be pressed, chosen or written in, and has no name for those who cannot see it. */
export const nameless = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [
      ...document.querySelectorAll<HTMLElement>(
        'button, a[href], input, select, textarea, [role=img], dialog[open], nav',
      ),
    ]
      .filter((element) => {
        const labels = 'labels' in element ? [...((element as HTMLInputElement).labels ?? [])] : []
        const by = (element.getAttribute('aria-labelledby') ?? '')
          .split(' ')
          .map((id) => document.getElementById(id)?.textContent)
        const own = element.matches('input, select, textarea') ? '' : element.textContent
        const text = [
          element.getAttribute('aria-label'),
          element.title,
          own,
          ...by,
          ...labels.map(({ textContent }) => textContent),
        ]
        return !text.join('').trim()
      })
      .map(({ outerHTML }) => outerHTML.slice(0, 120)),
  )
