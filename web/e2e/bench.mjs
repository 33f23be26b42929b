// Figures of the pages: node e2e/bench.mjs. It prints and judges nothing; the bounds are
// what these pages shall keep on a machine that has nothing else to do.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { browser, open, serve } from './stage.mjs'
import { gateway } from './gateway.mjs'

const rounds = Number(process.argv[2] ?? 7)
const say = (what, figure, bound) => console.log(`${what.padEnd(58)} ${figure.padStart(22)}   ${bound}`)
const ms = (x) => `${x.toFixed(0)} ms`
function quantiles(all) {
  const s = [...all].sort((a, b) => a - b)
  const q = (p) => s[Math.min(s.length - 1, Math.floor(s.length * p))]
  return `${ms(q(0.5))}, ${ms(q(0.95))}`
}

say('', 'median, 95 %', 'bound')
const dist = new URL('../dist/', import.meta.url).pathname
const files = readdirSync(dist, { recursive: true }).filter((f) => statSync(dist + f).isFile()).map((f) => readFileSync(dist + f))
const sum = (f) => files.reduce((n, x) => n + f(x).length, 0)
say('bundle, gzip', `${(sum((x) => gzipSync(x, { level: 9 })) / 1000).toFixed(1)} kB`, '250 kB')
say('bundle, brotli', `${(sum((x) => brotliCompressSync(x)) / 1000).toFixed(1)} kB`, '')

const { b, close } = await browser()

/** ready is how long a new browser, with nothing in its cache, needs until a page can be used. */
async function ready(url, prepare, path, sign) {
  const all = []
  for (let i = 0; i < rounds; i++) {
    const page = await open(b, url)
    await prepare?.(page)
    await page.goto(url + '#' + path)
    all.push(await page.waitForFunction((sign) => document.querySelector('h1') && document.querySelector(sign) && !document.querySelector('.bone') && performance.now(), sign, { polling: 'raf' }).then((h) => h.jsonValue()))
    await page.context().close()
  }
  return all
}

// The gateway itself, on the loopback interface.
const g = await gateway()
try {
  const ask = (path, body) => fetch(g.url + 'api/v1' + path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  say('sign-in page of a gateway can be used', quantiles(await ready(g.url, null, '/', 'input')), '1000 ms')
  await ask('/setup', { token: g.setup, user: 'admin', password: 'correct horse battery' })
  const r = await ask('/session', { user: 'admin', password: 'correct horse battery' })
  const [name, value] = r.headers.get('set-cookie').split(';')[0].split('=')
  const signedIn = (page) => page.context().addCookies([{ name, value, url: g.url }])
  for (const [what, path, sign] of [['overview', '/', '.tiles'], ['live view', '/live', '.empty'], ['history', '/history', '.filters'], ['dial plan', '/dial-plan', '#x-to'], ['a device’s form', '/devices/new', 'form .input']])
    say(`${what} of a gateway can be used`, quantiles(await ready(g.url, signedIn, path, sign)), '1000 ms')
} finally {
  await g.stop()
}

// A thousand calls, that begin, change and end all the time.
const busy = await serve({ signedIn: true, calls: 1000 })
say('live view with 1,000 calls can be used', quantiles(await ready(busy.url, null, '/live', '.dots rect')), '1000 ms')
const page = await open(b, busy.url)
await page.goto(busy.url + '#/live')
await page.waitForSelector('.dots rect')
const frames = (n, scroll) =>
  page.evaluate(
    async ([n, scroll]) => {
      const out = []
      let last = await new Promise(requestAnimationFrame)
      for (let i = 0; i < n; i++) {
        if (scroll) scrollBy(0, i % 80 < 40 ? 300 : -300)
        const now = await new Promise(requestAnimationFrame)
        out.push(now - last)
        last = now
      }
      return out
    },
    [n, scroll],
  )
say('a frame of it, closed, while calls change for 10 s', quantiles(await frames(600, false)), '50 ms')
await page.click('text=Open all')
await page.waitForSelector('svg a.call')
say('a frame of it, all open, while somebody scrolls', quantiles(await frames(240, true)), '50 ms')
await page.click('button:has-text("Table")')
await page.waitForSelector('table tbody tr')
say('a frame of it, as a table, while somebody scrolls', quantiles(await frames(120, true)), '50 ms')
await busy.close()
await close()
