import { test } from 'vitest'
import { canCrawl, twoPeopleCrawl } from './docs-crawl.js'

const isAll = process.env['TIDINGS_TEST_PAGES'] === 'all'

test.skipIf(!canCrawl)(
  'X1: two people crawl side by side; each sees only their own, each page counts once, and killed processes lose nothing',
  { timeout: 600_000 },
  async () => {
    const figures = await twoPeopleCrawl({
      pagesEach: isAll ? 5_000 : 90,
      documentDelayMs: 20,
      timeoutMs: isAll ? 500_000 : 60_000,
    })
    console.log('docs-crawler:', figures)
  },
)
