import { expect, test } from 'vitest'
import { Converter } from '../../../examples/docs-crawler/dist/converter.js'

/** Nested so deep that parsers need minutes. */
const abyss = '<div>'.repeat(200_000)

test('X1: pages are converted off the worker’s own thread, in turn', async () => {
  const converter = new Converter()
  const pages = await Promise.all(
    ['one', 'two'].map((word) => converter.convert(`<title>${word}</title>`, `http://a.example/${word}`)),
  )
  expect(pages.map(({ title }) => title)).toEqual(['one', 'two'])
  await converter.close()
})

test('X1: a page that takes too long to convert costs only itself', async () => {
  const converter = new Converter(4_000)
  const [bad, good] = await Promise.allSettled([
    converter.convert(abyss, 'http://a.example/'),
    converter.convert('<title>good</title>', 'http://a.example/'),
  ])
  expect(bad).toMatchObject({ status: 'rejected', reason: { message: 'it took too long to convert' } })
  expect(good).toMatchObject({ status: 'fulfilled', value: { title: 'good' } })
  await converter.close()
})
