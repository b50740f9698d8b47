import { test } from 'vitest'
import { canCrawl, twoPeopleCrawl } from './docs-crawl.js'

test.skipIf(!canCrawl)('X1: the same with every page of the documentation', { timeout: 900_000 }, async () => {
  const figures = await twoPeopleCrawl({ pagesEach: 5_000, documentDelayMs: 5, timeoutMs: 600_000 })
  console.log('docs-crawler, all pages:', figures)
})
