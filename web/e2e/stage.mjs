// What every browser test needs: the built bundle served with the gateway's own
// headers, the stand-in API behind it, and a Chromium that talks to nothing else.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { chromium } from 'playwright-core'
import { createMock } from '../mock/server.mjs'

/** patience is how long anything may take on a machine with better things to do. */
export const patience = 60_000

const dist = new URL('../dist/', import.meta.url).pathname
const policy = /Policy = ([\s\S]*?)\n\n/.exec(readFileSync(new URL('../web.go', import.meta.url), 'utf8'))[1].match(/"([^"]*)"/g).map((s) => s.slice(1, -1)).join('')
// All of it at once, so that a build meanwhile changes nothing.
const bundle = new Map(
  readdirSync(dist, { recursive: true })
    .filter((f) => statSync(dist + f).isFile())
    .map((f) => [f, readFileSync(dist + f)]),
)
const kinds = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }

/** serve is the bundle and a stand-in API on the loopback interface. */
export async function serve(options) {
  const mock = createMock(options)
  const server = createServer(async (req, res) => {
    if (await mock.handle(req, res)) return
    const asked = req.url.split('?')[0]
    const path = asked === '/' ? 'index.html' : asked.slice(1)
    const body = bundle.get(path)
    if (!body) return res.writeHead(404).end()
    res.writeHead(200, { 'Content-Type': kinds[extname(path)] ?? 'application/octet-stream', 'Content-Security-Policy': policy })
    res.end(body)
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${server.address().port}/`
  const close = () => {
    mock.stop()
    server.closeAllConnections()
    return new Promise((done) => server.close(done))
  }
  return { url, mock, close }
}

/** browser starts Debian's Chromium with a profile of its own. */
export async function browser() {
  const profile = mkdtempSync(join(tmpdir(), 'tandem-web-'))
  const b = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', `--disk-cache-dir=${profile}`],
  })
  return {
    b,
    close: async () => {
      await b.close()
      rmSync(profile, { recursive: true, force: true })
    },
  }
}

/** open is a page that fails the test on an error, a refusal by the policy or a request elsewhere. */
export async function open(b, url, { width = 1440, height = 900, dark = false, problems = [] } = {}) {
  const context = await b.newContext({ viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce', hasTouch: width < 600, acceptDownloads: true })
  const page = await context.newPage()
  page.setDefaultTimeout(patience)
  page.on('pageerror', (e) => problems.push('error: ' + e.message))
  page.on('console', (m) => {
    // The browser itself notes every answer that is not 2xx.
    if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) problems.push('console: ' + m.text())
  })
  page.on('request', (r) => {
    if (!r.url().startsWith(url) && !r.url().startsWith('blob:')) problems.push('request elsewhere: ' + r.url())
  })
  page.problems = problems
  return page
}

/** axe looks for what a screen reader or a weak eye would trip over. */
export async function axe(page) {
  const source = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')
  await page.evaluate(source)
  const r = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
  return r.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 4).map((n) => n.target.join(' ') + ' — ' + (n.any[0]?.message ?? n.all[0]?.message ?? n.none[0]?.message ?? '')).join(' | ')}`)
}

/** password of the administrator in all stories. */
export const password = 'correct horse battery'

/** field is the entry that has a label. */
export const field = (page, label) => page.getByLabel(label, { exact: false }).first()

/** client enters an OAuth client and a wrong number, which is refused, and then the right one. */
export async function client(page, wrong, id, secret, refresh) {
  await page.click('button:has-text("A household")')
  await page.fill('#w-number', wrong)
  await page.fill('#w-client_id', id)
  await page.fill('#w-client_secret', secret)
  await page.fill('#w-refresh_token', refresh)
  await page.click('button:has-text("Next")')
  await page.waitForSelector('[role=alert]')
  await page.fill('#w-number', '+12025550123')
  await page.click('button:has-text("Next")')
  await page.waitForSelector('h2:has-text("A phone")')
}

/** destination goes on from the phone to the last step, and asks where a number would lead. */
export async function destination(page, number) {
  await page.click('button:has-text("Next")')
  await page.waitForSelector('h2:has-text("Where calls go")')
  await page.click('button:has-text("Next")')
  await page.waitForSelector('h2:has-text("A test call")')
  await page.fill('#t-number', number)
  await page.click('button:has-text("Where would it go?")')
}
