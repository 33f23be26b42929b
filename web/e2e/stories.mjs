// Stories of an administrator, in Chromium: node e2e/stories.mjs [name…]
// The API behind them is the stand-in; those of real.mjs are played with a gateway.
import assert from 'node:assert/strict'
import { axe, browser, client, destination, field, open, password, serve } from './stage.mjs'
import { pages } from './pages.mjs'

const stories = {}

async function signIn(page, url) {
  await page.goto(url)
  await page.fill('#user', 'admin')
  await page.fill('#password', password)
  await page.click('button:has-text("Sign in")')
  await page.waitForSelector('h1:has-text("Overview")')
}

stories['first run: a household with Google Voice'] = async ({ b, url, setup }) => {
  const page = await open(b, url)
  await page.goto(`${url}#/setup?token=${setup}`)
  await page.waitForSelector('h1:has-text("Welcome")')
  assert.equal(await page.inputValue('#token'), setup, 'the code comes from the link')
  await page.fill('#user', 'admin')
  await page.fill('#password', 'short')
  await page.fill('#again', 'short')
  await page.click('button:has-text("Make the administrator")')
  assert.ok(await page.isVisible('text=At least 10 characters'), 'a short password is not sent')
  await page.fill('#password', password)
  await page.fill('#again', password)
  await page.click('button:has-text("Make the administrator")')
  await page.waitForSelector('h1:has-text("Set up this gateway")')
  await client(page, 'five five five', 'mine.apps.example', 'secret-of-mine', 'token-of-mine')
  assert.ok((await page.inputValue('#w-password')).length >= 12, 'a good password is made')
  await destination(page, '5550150')
  await page.waitForSelector('text=/Google Voice account home/')
  await page.goto(url + '#/google-voice/home')
  await page.waitForSelector('text=Replace')
  assert.ok(!(await page.content()).includes('secret-of-mine'), 'a secret never comes back')
  return page
}

stories['add a device'] = async ({ b, url }) => {
  const page = await open(b, url)
  await signIn(page, url)
  await page.click('nav >> text=Devices')
  await page.click('text=Add device')
  await field(page, 'User name').fill('porch')
  await field(page, 'Password').fill('a-password-of-the-porch')
  await field(page, 'Calls at once').fill('-1')
  await page.click('button:has-text("Add device")')
  await page.waitForSelector('text=Nothing was changed')
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-invalid')), 'true', 'the field that is wrong has the focus')
  await field(page, 'Calls at once').fill('2')
  await field(page, 'Number that others see').fill('+12025550123')
  await page.fill('[aria-label^="Why this change"]', 'for the porch – with “signs”')
  await page.click('button:has-text("Add device")')
  await page.waitForSelector('text=/“porch” is saved/')
  await page.waitForSelector('td >> text=porch')
  await page.goto(url + '#/versions')
  await page.waitForSelector('text=for the porch – with “signs”')
  return page
}

stories['add a rule, explain it, move it by keyboard'] = async ({ b, url }) => {
  const page = await open(b, url)
  await signIn(page, url)
  await page.goto(url + '#/dial-plan/rules/new')
  await field(page, 'Name').fill('the porch')
  await field(page, 'Number dialled').fill('(?=7)77')
  await page.click('text=Add a target')
  await page.selectOption('[aria-label="Kind of target 1"]', 'device')
  await page.selectOption('[aria-label="Name of target 1"]', 'porch')
  await page.click('button:has-text("Add rule")')
  await page.waitForSelector('text=Nothing was changed')
  await field(page, 'Number dialled').fill('77')
  await page.click('button:has-text("Add rule")')
  await page.waitForSelector('h1:has-text("Dial plan")')
  await page.waitForSelector('li >> text=the porch')
  await page.fill('#x-to', '77')
  await page.click('button:has-text("Explain")')
  await page.waitForSelector('.verdict.good')
  assert.match(await page.textContent('.verdict'), /porch/)
  await page.waitForSelector('li >> text=takes the call')
  await page.goto(url + '#/dial-plan/rules/new')
  await field(page, 'Name').fill('the porch at night')
  await field(page, 'Priority').fill('99')
  await field(page, 'Number dialled').fill('78')
  await page.click('text=Add a target')
  await page.selectOption('[aria-label="Name of target 1"]', 'porch')
  await page.click('button:has-text("Add rule")')
  const handle = page.locator('[aria-label^="Move the porch at night"]')
  await handle.waitFor()
  await handle.focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('Enter')
  await page.waitForSelector('text=The new order is in force.')
  assert.match(await page.textContent('ol > li >> nth=0'), /the porch at night/)
  return page
}

stories['leaving with unsaved entries is asked about'] = async ({ b, url }) => {
  const page = await open(b, url)
  await signIn(page, url)
  await page.goto(url + '#/devices/new')
  await field(page, 'User name').fill('half')
  await page.click('nav >> text=Trunks')
  await page.waitForSelector('dialog >> text=Leave without saving?')
  await page.click('dialog >> text=Cancel')
  assert.equal(await field(page, 'User name').inputValue(), 'half')
  await page.click('nav >> text=Trunks')
  await page.click('dialog >> button:has-text("Leave")')
  await page.waitForSelector('h1:has-text("Trunks")')
  return page
}

stories['an alarm is seen and acknowledged'] = async ({ b, url, mock }) => {
  mock.state.alarms.push({ key: 'disk/full', severity: 'critical', title: 'The disk is full', subject: '<img src=x onerror=alert(1)>', do: 'Make room.', begin: new Date().toISOString(), last: new Date().toISOString(), count: 1 })
  const page = await open(b, url)
  await signIn(page, url)
  await page.waitForSelector('text=<img src=x onerror=alert(1)>')
  await page.click('nav >> text=Alarms')
  await page.locator('article', { hasText: 'The disk is full' }).getByRole('button', { name: 'Acknowledge' }).click()
  await page.waitForSelector('text=/Acknowledged by admin/')
  return page
}

stories['a live call: from the diagram to its ladder, and hang up'] = async ({ b, mock, url }) => {
  const page = await open(b, url)
  await signIn(page, url)
  await page.click('nav >> text=Live view')
  await page.waitForSelector('svg a.call')
  await page.locator('svg a.call').first().focus()
  await page.keyboard.press('Enter')
  await page.waitForSelector('h2:has-text("Signalling")')
  await page.locator('g.message').first().focus()
  await page.keyboard.press('Enter')
  await page.waitForSelector('pre >> text=/INVITE sip:/')
  await page.click('button:has-text("Hang up")')
  await page.click('dialog >> button:has-text("Hang up")')
  await page.waitForSelector('text=The call is over.')
  return page
}

stories['a gateway token: a request is refused with a sentence'] = async ({ b, mock, url }) => {
  const page = await open(b, url)
  await signIn(page, url)
  await page.goto(url + '#/gateway-token')
  await page.fill('[aria-label="Certificate in PEM"]', '-----BEGIN CERTIFICATE REQUEST-----')
  await page.click('text=Check and keep')
  await page.waitForSelector('text=/This is the request/')
  await page.fill('[aria-label="Certificate in PEM"]', '-----BEGIN CERTIFICATE-----\nMIIB')
  await page.click('text=Check and keep')
  await page.waitForSelector('text=The certificate fits the key and is kept.')
  await page.click('text=Use it now')
  await page.waitForSelector('text=/The staged certificate is in use/')
  return page
}

stories['an account is connected at Google, and the browser comes back'] = async ({ b, mock, url }) => {
  const page = await open(b, url)
  await signIn(page, url)
  await page.goto(url + '#/connect')
  await page.fill('#c-id', 'my-own-client')
  await page.fill('#c-name', 'cabin')
  await page.fill('#c-number', '+12025550177')
  await page.click('text=Continue at Google')
  await page.waitForSelector('text=“cabin” is connected')
  assert.ok(!page.url().includes('code='), page.url())
  return page
}

stories['go somewhere by its name'] = async ({ b, url }) => {
  const page = await open(b, url)
  await signIn(page, url)
  await page.keyboard.press('Control+k')
  await page.keyboard.type('toll')
  await page.keyboard.press('Enter')
  await page.waitForSelector('h1:has-text("Settings")')
  return page
}

stories['a thousand calls move smoothly'] = async ({ b, mock }) => {
  const busy = await serve({ signedIn: true, calls: 1000 })
  const page = await open(b, busy.url)
  await page.goto(busy.url + '#/live')
  await page.waitForSelector('.dots rect')
  await page.click('text=Open all')
  await page.waitForSelector('svg a.call')
  const rows = await page.locator('svg a.call').count()
  assert.ok(rows < 120, `${rows} calls are drawn although the screen shows fewer`)
  const gaps = await page.evaluate(async () => {
    const out = []
    let last = performance.now()
    for (let i = 0; i < 60; i++) {
      scrollBy(0, 400)
      await new Promise(requestAnimationFrame)
      const now = performance.now()
      out.push(now - last)
      last = now
    }
    return out.sort((x, y) => x - y)
  })
  console.log(`    a frame took ${gaps[30].toFixed(0)} ms (median), ${gaps[57].toFixed(0)} ms (95 %)`)
  await busy.close()
  return page
}

async function everyPage(b, done) {
  const s = await serve({ signedIn: true })
  const fresh = await serve({ fresh: true })
  const out = await serve({})
  let found = 0
  // Wide and light, narrow and dark find what there is; AXE=all tries the other two as well.
  const looks = [[1440, false], [390, true], ...(process.env.AXE === 'all' ? [[1440, true], [390, false]] : [])]
  for (const [width, dark] of looks) {
    // One page walks through all of them, as a person does.
    const walker = new Map()
    for (const p of pages(s)) {
      if (p.on === 'busy') continue
      const server = p.on === 'fresh' ? fresh : p.on === 'out' ? out : s
      if (!walker.has(server)) walker.set(server, await open(b, server.url, { width, dark }))
      const page = walker.get(server)
      await page.goto(server.url + '#' + p.path)
      await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('.bone')).catch(async (e) => {
        throw new Error(`${p.name} (${width}) stays as it is: ${e.message}\n${(await page.textContent('body')).slice(0, 500)}`)
      })
      if (p.act) await p.act(page)
      const bad = [...(await axe(page)), ...new Set(page.problems.splice(0))]
      if (await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)) bad.push('wider than the screen')
      if (bad.length) console.error(`  ${p.name} (${width}, ${dark ? 'dark' : 'light'}):\n    ${bad.join('\n    ')}`)
      found += bad.length
      done.pages++
    }
    for (const page of walker.values()) await page.context().close()
  }
  await s.close()
  await fresh.close()
  await out.close()
  return found
}

const only = process.argv.slice(2)
const { b, close } = await browser()
let failed = 0
const stage = await serve({ fresh: true })
const busy = await serve({ signedIn: false })
const began = Date.now()
for (const [name, play] of Object.entries(stories)) {
  if (only.length && !only.some((o) => name.includes(o))) continue
  const first = name.startsWith('first run')
  const server = first ? stage : busy
  const problems = []
  try {
    const page = await play({ b, url: server.url, mock: server.mock, setup: 'abc123' })
    problems.push(...(page?.problems ?? []))
    await page?.context().close()
    assert.deepEqual(problems, [])
    console.log(`ok    ${name}`)
  } catch (e) {
    failed++
    console.error(`FAIL  ${name}\n${e.message}`)
    const p = b.contexts().at(-1)?.pages()[0]
    if (p && process.env.SHOT) await p.screenshot({ path: process.env.SHOT })
  }
  for (const c of b.contexts()) await c.close()
}
if ((!only.length || only.includes('axe'))) {
  const done = { pages: 0 }
  const found = await everyPage(b, done)
  console.log(`${found ? 'FAIL' : 'ok  '}  axe and the policy on every page: ${done.pages} views, ${found} findings`)
  failed += found ? 1 : 0
}
await stage.close()
await busy.close()
await close()
console.log(`${failed ? 'FAIL' : 'ok  '}  stories with the stand-in, ${((Date.now() - began) / 1000).toFixed(0)} s`)
process.exit(failed ? 1 : 0)
