// Takes a picture of every page: node e2e/shots.mjs FOLDER [name…]. For looking at.
import { mkdirSync } from 'node:fs'
import { browser, open, serve } from './stage.mjs'
import { pages } from './pages.mjs'

const [folder = 'shots', ...only] = process.argv.slice(2)
mkdirSync(folder, { recursive: true })
const variants = (process.env.VARIANTS ?? '1440-light,1440-dark,390-light,390-dark').split(',')
const { b, close } = await browser()
const s = await serve({ signedIn: true })
const fresh = await serve({ fresh: true })
const out = await serve({})
const busy = await serve({ signedIn: true, calls: 1000 })
for (const v of variants) {
  const [width, mode] = v.split('-')
  for (const p of pages(s)) {
    if (only.length && !only.some((o) => p.name.startsWith(o))) continue
    const server = p.on === 'fresh' ? fresh : p.on === 'busy' ? busy : p.on === 'out' ? out : s
    const page = await open(b, server.url, { width: Number(width), height: width === '390' ? 844 : 900, dark: mode === 'dark' })
    await page.goto(server.url + '#' + p.path)
    await page.waitForSelector('h1')
    await page.waitForTimeout(350)
    if (p.act) await p.act(page)
    await page.screenshot({ path: `${folder}/${p.name}-${v}.png`, fullPage: p.full !== false })
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    if (over > 0) console.log(`${p.name} ${v}: ${over} px too wide`)
    for (const x of new Set(page.problems)) console.log(`${p.name} ${v}: ${x}`)
    await page.context().close()
  }
}
await close()
for (const x of [s, fresh, busy, out]) await x.close()
