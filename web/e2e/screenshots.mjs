// Takes the pictures of docs/11-web-pages.md: node e2e/screenshots.mjs
import { mkdirSync, statSync } from 'node:fs'
import { browser, open, serve } from './stage.mjs'

const folder = new URL('../../docs/web/', import.meta.url).pathname
mkdirSync(folder, { recursive: true })
const now = Date.UTC(2026, 2, 14, 10, 0)
const { b, close } = await browser()
const s = await serve({ signedIn: true, now })
const fresh = await serve({ signedIn: true, fresh: true, now })
const meeting = s.mock.calls().find((c) => c.meeting && c.answered && c.a.mos < 4)

const shots = [
  { name: 'overview', path: '/' },
  { name: 'live', path: '/live' },
  { name: 'call', path: `/calls/${meeting.id}`, act: (page) => page.evaluate(() => document.getElementById('graphs').scrollIntoView({ block: 'start' })) },
  {
    name: 'dial-plan',
    path: '/dial-plan',
    width: 1280, // rules and explanation side by side
    act: async (page) => {
      await page.fill('#x-to', '5550150')
      await page.selectOption('#x-via', 'kitchen')
      await page.click('button:has-text("Explain")')
      await page.waitForSelector('.verdict')
    },
  },
  { name: 'replay', path: `/replay?at=${new Date(now - 9 * 60e3).toISOString()}` },
  { name: 'first-steps', path: '/welcome', on: fresh, height: 520 },
  { name: 'device', path: '/devices/boardroom', dark: true },
  { name: 'live-phone', path: '/live', width: 390, height: 780 },
]
for (const shot of shots) {
  const server = shot.on ?? s
  const page = await open(b, server.url, { width: shot.width ?? 1120, height: shot.height ?? 700, dark: shot.dark ?? false })
  await page.clock.setFixedTime(now)
  await page.goto(server.url + '#' + shot.path)
  await page.waitForSelector('h1')
  await page.waitForFunction(() => !document.querySelector('.bone'))
  await page.waitForTimeout(400)
  await shot.act?.(page)
  const path = `${folder}${shot.name}.png`
  await page.screenshot({ path })
  const size = statSync(path).size
  console.log(`${shot.name}.png ${Math.round(size / 1000)} kB`)
  if (size > 150_000) throw new Error(`${path} is larger than 150 kB`)
  await page.context().close()
}
await s.close()
await fresh.close()
await close()
