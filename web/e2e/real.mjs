// Stories of an administrator with the gateway itself, the simulated edges of Google and
// phones: node e2e/real.mjs [name…]. They are one biography: each goes on where the one
// before has ended, so that a name plays those before it, too.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { axe, browser, client, destination, field, open, password } from './stage.mjs'
import { gateway, until } from './gateway.mjs'
import { keyboard } from './keyboard.mjs'

const stories = {}
const at = (page, place, title) => page.goto(page.home + '#/' + place).then(() => page.waitForSelector(`h1:has-text("${title}")`))
/** badge waits until the page says that something is in a state. */
const badge = (page, text) => page.locator('.badge', { hasText: text }).first().waitFor()
/** unfold opens a part of a form that is closed. */
const unfold = async (page, title) => {
  const part = page.locator('details', { has: page.locator('summary', { hasText: title }) })
  await part.waitFor()
  if (!(await part.evaluate((d) => d.open))) await part.locator('summary').click()
}
/** saved waits for the list that a form leads to when the gateway has taken what was entered. */
const saved = (page, list) => page.waitForSelector(`h1:text-is("${list}")`)

stories['first run, from the link to a call over Google Voice'] = async ({ page, g }) => {
  await page.goto(`${g.url}#/setup?token=${g.setup}`)
  await page.waitForSelector('h1:has-text("Welcome")')
  await page.fill('#user', 'admin')
  await page.fill('#password', password)
  await page.fill('#again', password)
  await page.click('button:has-text("Make the administrator")')
  await page.waitForSelector('h1:has-text("Set up this gateway")')
  await client(page, '12345', 'client', 'secret', 'refresh')
  g.kitchen = await page.inputValue('#w-password')
  assert.ok(await page.isVisible(`text=${g.sip.split(':')[1]}`), 'the phone is told the port that is really listened on')
  await destination(page, '5550100')
  await page.waitForSelector('text=/It goes to: Google Voice account home dials \\+12025550100/')
  const command = await page.textContent('pre.command')

  // What stands for Google here has an address of its own.
  await at(page, 'google-voice/home', 'home')
  await field(page, 'Token URL').fill(g.voice.token_url)
  await page.getByLabel('The token URL may be in a private network').check()
  await unfold(page, 'Network')
  await page.getByLabel('Connect', { exact: true }).fill(g.voice.connect)
  await page.getByLabel('Roots', { exact: true }).fill(g.roots.voice)
  await page.click('button:has-text("Save")')
  await saved(page, 'Google Voice')
  await at(page, 'google-voice/home', 'home')
  await badge(page, 'registered')
  await page.click('button:has-text("Test")')
  await page.waitForSelector('[role=status] >> text=/access token/i')

  // The command that the page shows is carried out as it stands.
  const [, key, user, server, number] = /TANDEM_CALL_PASSWORD=(\S+) tandem call --user (\S+) --server (\S+) (\S+)/.exec(command)
  assert.deepEqual([key, user, server, number], [g.kitchen, 'kitchen', g.sip, '5550100'])
  const call = g.phone(user, key, number, '--for', '1s')
  assert.equal(await call.gone, 0, call.text)
  await at(page, 'history', 'History')
  await badge(page, 'Ended normally')
}

stories['add an account with a wrong token: the alarm, and its end'] = async ({ page, g }) => {
  await at(page, 'google-voice', 'Google Voice')
  await page.click('text=Add Google Voice account')
  await page.waitForSelector('h1:has-text("New Google Voice account")')
  await field(page, 'Name').fill('shop')
  await field(page, 'Google Voice number').fill('+12025550123')
  await field(page, 'Client ID').fill('client')
  await field(page, 'Client secret').fill('secret')
  await field(page, 'Refresh token').fill('no-longer-good')
  await field(page, 'Token URL').fill(g.voice.token_url)
  await page.getByLabel('The token URL may be in a private network').check()
  await unfold(page, 'Network')
  await page.getByLabel('Connect', { exact: true }).fill(g.voice.connect)
  await page.getByLabel('Roots', { exact: true }).fill(g.roots.voice)
  await page.click('button:has-text("Add Google Voice account")')
  await saved(page, 'Google Voice')
  await at(page, 'alarms', 'Alarms')
  const alarm = page.locator('article', { hasText: 'The refresh token is no longer accepted: shop' })
  await alarm.getByRole('button', { name: 'Acknowledge' }).click()
  await alarm.getByText(/Acknowledged by admin/).waitFor()
  await at(page, 'google-voice/shop', 'shop')
  await page.getByRole('button', { name: 'Replace: Refresh token' }).click()
  await field(page, 'Refresh token').fill('refresh')
  await page.click('button:has-text("Save")')
  await saved(page, 'Google Voice')
  await at(page, 'alarms', 'Alarms')
  await page.locator('section[aria-labelledby=past] article', { hasText: 'The refresh token is no longer accepted: shop' }).waitFor()
  await at(page, 'google-voice/shop', 'shop')
  await badge(page, 'registered')
}

stories['add a device and a rule, and have it explained'] = async ({ page, g }) => {
  await at(page, 'devices/new', 'New device')
  await field(page, 'User name').fill('porch')
  await field(page, 'Password').fill('a-password-of-the-porch')
  await page.click('button:has-text("Add device")')
  await saved(page, 'Devices')
  await at(page, 'dial-plan/rules/new', 'New rule')
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
  await page.selectOption('#x-via', 'kitchen')
  await page.click('button:has-text("Explain")')
  await page.waitForSelector('.verdict.good')
  assert.match(await page.textContent('.verdict'), /porch/)
  await page.waitForSelector('li >> text=takes the call')
  await page.fill('#x-to', '911')
  await page.click('button:has-text("Explain")')
  await page.waitForSelector('.verdict:not(.good)')
}

stories['an access token, which needs the address of the edge first'] = async ({ page, g }) => {
  await at(page, 'access-tokens', 'Access tokens')
  await page.click('text=Set it in the settings of Meet')
  await page.waitForSelector('h1:has-text("Settings")')
  await field(page, 'Address of the edge').fill(g.meet.edge)
  await page.getByLabel('Roots', { exact: true }).fill(g.roots.meet)
  await Promise.all([page.waitForResponse((r) => r.request().method() === 'PUT' && r.url().endsWith('/settings/meet') && r.ok()), page.click('button:has-text("Save")')])
  await at(page, 'access-tokens', 'Access tokens')
  await page.click('text=Add access token')
  await page.waitForSelector('h1:has-text("New access token")')
  await field(page, 'Name').fill('acme')
  await page.locator('input[type=password]').first().fill('example-trusted-0123456789')
  await field(page, 'Organisation').fill('acme.example.com')
  await page.click('button:has-text("Add access token")')
  await saved(page, 'Access tokens')
  await page.waitForSelector('td >> text=acme.example.com')
}

stories['a gateway token is requested, refused twice, uploaded and swapped'] = async ({ page, g }) => {
  const request = async (again) => {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      (async () => {
        await page.click(again ? 'button:has-text("Make a new request")' : 'button:has-text("Make and download a request")')
        if (again) await page.click('dialog >> button:has-text("Make a new one")')
      })(),
    ])
    return readFileSync(await file.path(), 'utf8')
  }
  const sign = async (csr) => (await fetch(g.meet.control + '/gateway-certificates', { method: 'POST', body: csr })).text()
  const upload = async (pem) => {
    await page.fill('[aria-label="Certificate in PEM"]', pem)
    await page.click('text=Check and keep')
  }
  await at(page, 'gateway-token', 'Gateway token')
  await page.fill('#t-name', 'gateway.example.com')
  const first = await request(false)
  await upload(first)
  await page.waitForSelector('text=/This is the request/')
  const early = await sign(first)
  await page.waitForSelector('button:has-text("Make a new request")')
  const second = await request(true)
  await upload(early)
  await page.waitForSelector('[role=alert] >> text=/key/')
  await upload(await sign(second))
  await badge(page, 'active')
  await page.waitForSelector('dd:has-text("gateway.example.com")')
  const third = await request(false)
  await upload(await sign(third))
  await badge(page, 'ready to be used')
  await page.click('text=Use it now')
  await page.waitForSelector('text=/The staged certificate is in use/')
}

stories['first steps for rooms, to a call into a meeting'] = async ({ page, g }) => {
  await at(page, 'welcome', 'Set up this gateway')
  await page.click('button:has-text("Rooms for Google Meet")')
  await page.waitForFunction((edge) => document.querySelector('#w-edge')?.value === edge, g.meet.edge)
  await page.fill('#w-name', 'visitors')
  await page.fill('#w-secret', 'example-untrusted-0123456789')
  await page.click('button:has-text("Next")')
  await page.waitForSelector('h2:has-text("A video room")')
  await page.click('button:has-text("Back")')
  await at(page, 'live', 'Live view')
  // Somebody who comes back goes on with what is there.
  await at(page, 'welcome', 'Set up this gateway')
  await page.click('button:has-text("Rooms for Google Meet")')
  await page.click('.note >> button:has-text("acme")')
  await page.waitForSelector('h2:has-text("A video room")')
  const secret = await page.inputValue('#w-password')
  await page.click('button:has-text("Next")')
  await page.waitForSelector('h2:has-text("Which numbers are meetings")')
  await page.click('button:has-text("Next")')
  await page.waitForSelector('h2:has-text("A test call")')
  await page.fill('#t-number', '1234567890123')
  await page.click('button:has-text("Where would it go?")')
  await page.waitForSelector('text=/It goes to: .*meeting/i')
  const room = g.phone('boardroom', secret, '1234567890123', '--video', 'H264', '--for', '1s')
  assert.equal(await room.gone, 0, room.text)
}

stories['a live call: heard of, seen, looked into, and hung up'] = async ({ page, g }) => {
  await at(page, 'live', 'Live view')
  await page.waitForSelector('text=No call runs now')
  const phone = g.phone('kitchen', g.kitchen, '5550107', '--for', '100s')
  await page.waitForSelector('svg a.call')
  await page.waitForFunction(() => /A call began|1 call began/.test(document.getElementById('live-news')?.textContent ?? ''))
  await page.locator('svg a.call').first().focus()
  await page.keyboard.press('Enter')
  await page.waitForSelector('h2:has-text("Signalling")')
  await badge(page, 'answered')
  g.call = /calls\/([^/?]+)/.exec(page.url())[1]
  await page.waitForSelector('text=PCMU relay')
  await page.locator('g.message').first().focus()
  await page.keyboard.press('Enter')
  await page.waitForSelector('pre >> text=/INVITE sip:5550107/')
  assert.ok(!(await page.textContent('main')).includes(g.kitchen), 'no password is on the page')
  await page.click('button:has-text("Hang up")')
  await page.click('dialog >> button:has-text("Hang up")')
  await page.waitForSelector('text=The call is over.')
  await phone.gone
}

stories['what was: the record, and the gateway at a moment of the call'] = async ({ page, g }) => {
  await at(page, 'history', 'History')
  await page.locator(`a[href$="history/${g.call}"]`).click()
  await page.waitForSelector('h2:has-text("Signalling")')
  await page.click('text=What else was at that moment')
  await page.waitForSelector('h1:has-text("Replay")')
  await page.locator(`section[aria-labelledby=calls] a[href$="history/${g.call}"]`).waitFor()
  await page.locator('section[aria-labelledby=registered] >> text=kitchen').first().waitFor()
  await page.locator('input[type=range]').focus()
  await page.keyboard.press('Home')
  await page.waitForSelector('text=No call ran then')
}

stories['by keyboard, and what a screen reader is told'] = keyboard

stories['nothing that axe objects to on the pages of a real gateway'] = async ({ page }) => {
  const bad = []
  for (const place of ['', 'live', 'history', 'replay', 'alarms', 'dial-plan', 'google-voice', 'google-voice/home', 'devices', 'devices/kitchen', 'access-tokens', 'gateway-token', 'settings/machine', 'versions', 'users', 'audit', 'welcome']) {
    await page.goto(page.home + '#/' + place)
    await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('.bone'))
    for (const x of await axe(page)) bad.push(`${place || 'overview'}: ${x}`)
  }
  assert.deepEqual(bad, [])
}

const only = process.argv.slice(2)
const names = Object.keys(stories)
const upTo = only.length ? names.findLastIndex((n) => only.some((o) => n.includes(o))) : names.length - 1
const began = Date.now()
const g = await gateway()
const { b, close } = await browser()
let failed = 0
try {
  const page = await open(b, g.url)
  page.home = g.url
  for (const name of names.slice(0, upTo + 1)) {
    const from = Date.now()
    try {
      await stories[name]({ page, g, b, until })
      assert.deepEqual([...new Set(page.problems)], [])
      console.log(`ok    ${name} (${((Date.now() - from) / 1000).toFixed(1)} s)`)
    } catch (e) {
      failed++
      console.error(`FAIL  ${name}\n${e.message}\nat ${page.url()}\n${(await page.textContent('main').catch(() => ''))?.slice(0, 1500)}`)
      if (process.env.SHOT) await page.screenshot({ path: process.env.SHOT, fullPage: true })
      break // the others stand on this one
    }
  }
} finally {
  await close()
  await g.stop()
}
console.log(`${failed ? 'FAIL' : 'ok  '}  stories with a real gateway, ${((Date.now() - began) / 1000).toFixed(0)} s`)
process.exit(failed ? 1 : 0)
