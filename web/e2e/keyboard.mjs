// What somebody needs who has no mouse, or does not see the screen.
import assert from 'node:assert/strict'

/** focused describes what has the focus, and whether one sees that it has. */
const focused = (page) =>
  page.evaluate(() => {
    const e = document.activeElement
    if (!e || e === document.body) return null
    const s = getComputedStyle(e)
    const hit = e.querySelector?.('.hit')
    const seen = (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none' || (hit && getComputedStyle(hit).stroke !== 'none')
    const box = e.getBoundingClientRect()
    const name = e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent || ''
    return { tag: e.tagName.toLowerCase(), name: name.trim().replace(/\s+/g, ' ').slice(0, 50), seen: !!seen, inDialog: !!e.closest('dialog'), inMenu: !!e.closest('#nav'), inMain: !!e.closest('main'), top: box.top, height: box.height, there: box.width > 0 && box.height > 0 }
  })
const press = async (page, key) => {
  await page.keyboard.press(key)
  return focused(page)
}

/** keyboard walks through pages, dialogs and the menu by the keys alone. */
export async function keyboard({ page }) {
  // A new page says its title, and Tab goes on from there.
  await page.goto(page.home + '#/devices')
  await page.waitForSelector('h1:has-text("Devices")')
  await page.goto(page.home + '#/dial-plan')
  await page.waitForFunction(() => document.activeElement?.id === 'page-title' && document.activeElement.textContent === 'Dial plan')

  // From the top: first the way past the menu, which works.
  await page.reload()
  await page.waitForSelector('li >> text=the porch')
  const skip = await press(page, 'Tab')
  assert.match(skip.name, /Skip to the page/)
  await press(page, 'Enter')
  await page.waitForFunction(() => document.activeElement?.id === 'page-title')

  // Every stop can be seen, is on the page, and comes in the order of the page.
  const stops = []
  while (stops.at(-1) !== 'Explain' && stops.length < 60) {
    const f = await press(page, 'Tab')
    if (!f) break
    assert.ok(f.seen, `one does not see that “${f.name}” has the focus`)
    assert.ok(f.there && f.name, `a stop without size or name: ${JSON.stringify(f)}`)
    assert.ok(f.inMain, `“${f.name}” is not of the page`)
    stops.push(f.name)
  }
  const order = ['Add rule', 'Rules', 'Saved tests', 'Number dialled', 'Explain'].map((n) => stops.findIndex((s) => s.startsWith(n)))
  assert.ok(order.every((x, i) => x >= 0 && (!i || x > order[i - 1])), `the order is ${stops.join(' | ')}`)

  // A dialog takes the focus, keeps it, and gives it back.
  await page.goto(page.home + '#/live')
  const opener = page.getByRole('button', { name: 'Place a call' })
  await opener.waitFor()
  await opener.focus()
  await press(page, 'Enter')
  await page.waitForSelector('dialog[open]')
  for (let i = 0; i < 12; i++) {
    const f = await press(page, i < 8 ? 'Tab' : 'Shift+Tab')
    // Between its last and its first field a browser's own bar has its turn.
    assert.ok(!f || f.inDialog, `the focus left the dialog for “${f?.name}”`)
  }
  await page.keyboard.press('Escape')
  await page.waitForSelector('dialog', { state: 'detached' })
  await page.waitForFunction(() => /Place a call/.test(document.activeElement?.textContent ?? ''))
  await page.keyboard.press('Control+k')
  await page.waitForSelector('[role=combobox]')
  await page.keyboard.type('zzz')
  await page.keyboard.press('Escape')
  await page.waitForFunction(() => /Place a call/.test(document.activeElement?.textContent ?? ''))

  // The menu of a small screen.
  await page.setViewportSize({ width: 390, height: 844 })
  await page.getByRole('button', { name: 'Menu' }).focus()
  await press(page, 'Enter')
  await page.waitForFunction(() => document.activeElement?.closest('#nav'))
  for (let i = 0; i < 4; i++) assert.ok((await press(page, 'Tab'))?.inMenu, 'the focus is behind the menu')
  await page.keyboard.press('Escape')
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Menu')
  await page.setViewportSize({ width: 1440, height: 900 })

  // What is wrong in a form is said, and the focus is there.
  await page.goto(page.home + '#/dial-plan/rules/new')
  await page.getByLabel('Name').first().fill('the hall')
  await page.click('text=Add a target')
  await page.selectOption('[aria-label="Name of target 1"]', 'porch')
  await page.getByLabel('Number dialled').first().fill('(?=7)78')
  await page.keyboard.press('Enter')
  await page.waitForSelector('[role=alert] >> text=Nothing was changed')
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-invalid') === 'true' && document.getElementById(document.activeElement.getAttribute('aria-describedby')?.split(' ').at(-1) ?? '')?.textContent)
  await page.goto(page.home + '#/live')
  await page.click('dialog >> button:has-text("Leave")')
  await page.waitForSelector('h1:has-text("Live view")')

  // One heading of the first kind, landmarks, and regions that speak up.
  assert.equal(await page.locator('h1').count(), 1)
  assert.equal(await page.locator('main').count(), 1)
  assert.ok(await page.locator('[role=status]').count(), 'nothing speaks up')
}
