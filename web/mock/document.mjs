import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

/** load is the document of docs/tandem.yaml, with more of everything. */
export function load(path) {
  const d = parse(readFileSync(path, 'utf8'))
  for (const k of ['node', 'store', 'http', 'log', 'media']) delete d[k]
  d.limits = {}
  d.sip.register ??= {}
  d.sip.guard ??= {}
  d.sip.devices.push(
    { name: 'workshop', password: 'x', caller_id: '+12025550123', max_calls: 1 },
    { name: 'reception-desk', password: 'x', display: 'Reception desk', caller_id: '+12025550144' },
    { name: 'boardroom', password: 'x', video: true, max_bitrate: 4000 },
    { name: 'atrium', password: 'x', video: true },
    { name: 'studio-2', password: 'x', video: true, encrypt: 'dtls' },
    { name: 'lab-east', password: 'x', video: true },
    { name: 'door', password: 'x', codecs: ['g722', 'pcmu'] },
  )
  d.google_voice.push({ name: 'shop', number: '+12025550144', client_id: 'your-own-client.apps.example', client_secret: 'x', refresh_token: 'x', ring: [{ device: 'reception-desk', within: '20s' }] })
  d.meet.access_tokens.push({ name: 'partner', secret: 'x', tenant: 'partner.example.org', trusted: true })
  d.meet.access_tokens[0].tenant = 'acme.example.com'
  d.dial_plan.groups.office = [{ device: 'reception-desk' }, { trunk: 'pbx', number: '200' }]
  d.locations.push({ name: 'harbour', note: 'the warehouse by the harbour', networks: ['203.0.113.0/25', '2001:db8:7::/48'], nodes: ['gw2'], proxy: 'edge' })
  d.dial_plan.rules.push(
    { name: 'after hours', priority: 25, match: String.raw`\+12025550144`, registered: false, locations: ['office'], when: [{ days: ['mon-fri'], hours: ['18:00-08:00'] }, { days: ['sat', 'sun'] }], except: [{ dates: ['12-24..12-26'] }], zone: 'America/New_York', to: [{ device: 'reception-desk' }] },
    { name: 'partners by SIP address', priority: 28, match: String.raw`.*@partner\.example\.org`, protocols: ['sip', 'webrtc'], to: [{ external: true, proxy: 'edge' }] },
    { name: 'service numbers', priority: 30, match: String.raw`\+1(800|888|877)\d{7}`, to: [{ trunk: 'carrier' }] },
    { name: 'everything else', priority: 90, match: '.*', from: ['sipua'], to: [{ account: 'home' }, { account: 'shop' }], stop_on: ['busy', 'rejected'] },
    { name: 'old door rule', priority: 95, match: '.*', from: ['sipua'], to: [{ device: 'door' }] },
  )
  d.dial_plan.tests = [
    { name: 'nobody calls the Caribbean', from: 'door', to: '0119791234567', expect: 'barred' },
    { name: 'extensions reach the PBX', from: 'kitchen', to: '234', expect: 'trunk pbx' },
    { name: '911 is refused clearly', from: 'kitchen', to: '911', expect: 'emergency_refused' },
  ]
  return d
}
