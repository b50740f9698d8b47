import { expect, test } from 'vitest'
import { cleanName, Sessions } from '../../../examples/docs-crawler/dist/session.js'

const secret = 'a secret of thirty-two characters'
const valueOf = (setCookie: string): string => setCookie.split(';')[0] as string

test('X1: the cookie tells who is at the browser, and is kept from scripts and from other sites', () => {
  const sessions = new Sessions(secret)
  const visitor = sessions.create('Ada')
  const cookie = sessions.cookieFor(visitor)
  expect(cookie).toMatch(/; HttpOnly; SameSite=Lax; Path=\/; Max-Age=\d+$/)
  expect(sessions.read(`other=1; ${valueOf(cookie)}; more=2`)).toEqual(visitor)
})

test('X1: two people of one name are two people', () => {
  const sessions = new Sessions(secret)
  expect(sessions.create('Ada').userId).not.toBe(sessions.create('Ada').userId)
})

test('X1: a cookie that was changed, made with another secret, or is over, is nobody', () => {
  let now = 1_000
  const sessions = new Sessions(secret, () => now)
  const cookie = valueOf(sessions.cookieFor(sessions.create('Ada')))
  const [name, value = ''] = cookie.split('=')
  const [payload = '', signature] = value.split('.')
  const forged = Buffer.from(Buffer.from(payload, 'base64url').toString().replace('Ada', 'Eve')).toString('base64url')
  expect(sessions.read(`${name}=${forged}.${signature}`)).toBeNull()
  expect(sessions.read(`${name}=${payload}.`)).toBeNull()
  expect(sessions.read(`${name}=`)).toBeNull()
  expect(sessions.read(null)).toBeNull()
  expect(new Sessions(`${secret}!`, () => now).read(cookie)).toBeNull()
  now += 31 * 24 * 3_600_000
  expect(sessions.read(cookie)).toBeNull()
})

test('X1: a name has 1–40 characters and nothing that cannot be seen', () => {
  expect(cleanName('  Ada   Lovelace ')).toBe('Ada Lovelace')
  for (const bad of ['', '   ', 'a'.repeat(41), 'a\u0000b', 'a\u202eb', 7, null]) expect(cleanName(bad)).toBeNull()
})
