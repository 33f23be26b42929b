/** pages is every page, with how to get it to show something. */
export function pages(s) {
  const live = s.mock.calls().map((c) => c.id)
  const explain = async (page) => {
    await page.fill('#x-to', '5550150')
    await page.selectOption('#x-via', 'kitchen')
    await page.click('button:has-text("Explain")')
    await page.waitForSelector('.verdict')
  }
  return [
    { name: 'first-run', path: '/?token=abc123', on: 'fresh' },
    { name: 'overview', path: '/' },
    { name: 'live', path: '/live' },
    { name: 'live-1000', path: '/live', on: 'busy', full: false },
    { name: 'live-table', path: '/live?view=table' },
    { name: 'call', path: `/calls/${live[0]}` },
    { name: 'history', path: '/history', full: false },
    { name: 'record', path: `/history/${s.mock.records()[0].id}` },
    { name: 'replay', path: '/replay' },
    { name: 'alarms', path: '/alarms' },
    { name: 'dial-plan', path: '/dial-plan', act: explain },
    { name: 'rule', path: '/dial-plan/rules/abroad' },
    { name: 'tests', path: '/dial-plan/tests' },
    { name: 'groups', path: '/groups' },
    { name: 'group', path: '/groups/family' },
    { name: 'receptions', path: '/receptions' },
    { name: 'reception', path: '/receptions/front' },
    { name: 'google-voice', path: '/google-voice' },
    { name: 'account', path: '/google-voice/shop' },
    { name: 'connect', path: '/connect' },
    { name: 'sign-in', path: '/', on: 'out' },
    { name: 'settings-retention', path: '/settings/retention' },
    { name: 'settings-oidc', path: '/settings/oidc' },
    { name: 'devices', path: '/devices' },
    { name: 'device', path: '/devices/kitchen' },
    { name: 'device-new', path: '/devices/new' },
    { name: 'trunks', path: '/trunks' },
    { name: 'trunk', path: '/trunks/pbx' },
    { name: 'sip-proxies', path: '/sip-proxies' },
    { name: 'sip-proxy', path: '/sip-proxies/edge' },
    { name: 'locations', path: '/locations' },
    { name: 'location', path: '/locations/office' },
    { name: 'access-tokens', path: '/access-tokens' },
    { name: 'token', path: '/access-tokens/acme' },
    { name: 'gateway-token', path: '/gateway-token' },
    { name: 'settings-numbers', path: '/settings/numbers' },
    { name: 'settings-outbound', path: '/settings/outbound' },
    { name: 'settings-emergency', path: '/settings/emergency' },
    { name: 'settings-toll', path: '/settings/toll-guard' },
    { name: 'settings-limits', path: '/settings/limits' },
    { name: 'settings-sip', path: '/settings/sip' },
    { name: 'settings-meet', path: '/settings/meet' },
    { name: 'settings-evidence', path: '/settings/evidence' },
    { name: 'settings-machine', path: '/settings/machine' },
    { name: 'machines', path: '/machines' },
    { name: 'versions', path: '/versions' },
    { name: 'version', path: '/versions/5' },
    { name: 'document', path: '/versions/document' },
    { name: 'users', path: '/users' },
    { name: 'keys', path: '/users/keys' },
    { name: 'webhooks', path: '/webhooks' },
    { name: 'webhook', path: '/webhooks/tickets' },
    { name: 'audit', path: '/audit' },
    { name: 'welcome', path: '/welcome' },
    { name: 'nowhere', path: '/nowhere' },
  ]
}

