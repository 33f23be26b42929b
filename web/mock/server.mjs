// A stand-in for the gateway's API, for working on the pages and for their
// tests. It keeps everything in memory and knows nothing of telephony.
import { load } from './document.mjs'
import { alarms, evidence, makeCall, makeRecord, pastAlarms, random } from './data.mjs'
import { schemaOf } from './schema.mjs'

const MASK = '********'
const secretNames = new Set(['password', 'client_secret', 'refresh_token', 'secret'])

export function createMock({ calls = 26, fresh = false, readonly = false, signedIn = false, now: fixed } = {}) {
  const now = fixed ?? Date.now()
  // With a fixed time all stays as it is, for pictures.
  const clock = () => fixed ?? Date.now()
  const yaml = new URL('../../docs/tandem.yaml', import.meta.url).pathname
  const schema = schemaOf(yaml)
  const doc = fresh ? { sip: { devices: [], trunks: [] }, google_voice: [], meet: { access_tokens: [] }, receptions: [], outbound: [], toll_guard: {}, limits: {}, dial_plan: { numbers: {}, emergency: {}, groups: {}, rules: [], tests: [] } } : load(yaml)
  const r = random(42)
  const live = new Map()
  for (let i = 0; i < (fresh ? 0 : calls); i++) {
    const c = makeCall(r, i, now)
    live.set(c.id, c)
  }
  const records = []
  for (let i = 0; i < (fresh ? 0 : 340); i++) records.push(makeRecord(r, 5000 + i, now - 9e5 - i * (4e5 + r() * 3e6)))
  const s = {
    needed: fresh,
    sessions: signedIn,
    user: { user: 'admin', role: 'admin', csrf: 'mock' },
    version: fresh ? 1 : 6,
    versions: fresh ? [{ number: 1, at: new Date(now).toISOString(), author: 'file', comment: 'the first start' }] : history(now),
    alarms: fresh ? [] : alarms(now),
    past: fresh ? [] : pastAlarms(now),
    users: [{ name: 'admin', role: 'admin', created: ago(90), signed_in: ago(0) }, ...(fresh ? [] : [{ name: 'operator', role: 'operator', created: ago(40), signed_in: ago(0.2) }, { name: 'wallboard', role: 'viewer', created: ago(12), signed_in: ago(1) }])],
    keys: fresh ? [] : [{ id: 'k1', name: 'Ticket system', scopes: ['read'], created: ago(30), used: ago(0.01) }, { id: 'k2', name: 'GitOps', scopes: ['read', 'configure'], created: ago(9), used: ago(2) }],
    webhooks: fresh ? [] : [{ name: 'tickets', url: 'https://tickets.example.com/hooks/tandem', events: ['alarm.raised', 'alarm.cleared'], secret: MASK, enabled: true }],
    audit: fresh ? [] : audit(now),
    token: fresh ? { state: 'none' } : { state: 'active', active: { subject: 'CN=gw1.example.com', issuer: 'CN=Interop Gateway CA 3', not_before: ago(353), expires: ago(-12), serial: '3f:a1:09:77' }, staged: { subject: 'CN=gw1.example.com', issuer: 'CN=Interop Gateway CA 3', not_before: ago(1), expires: ago(-364), serial: '40:02:be:10' } },
    captures: [],
    streams: new Set(),
  }
  function ago(days) {
    return new Date(now - days * 864e5).toISOString()
  }

  const kinds = {
    'google-voice': () => (doc.google_voice ??= []),
    'access-tokens': () => ((doc.meet ??= {}).access_tokens ??= []),
    devices: () => (doc.sip.devices ??= []),
    trunks: () => (doc.sip.trunks ??= []),
    'sip-proxies': () => (doc.sip.proxies ??= []),
    locations: () => (doc.locations ??= []),
    rules: () => (doc.dial_plan.rules ??= []),
    receptions: () => (doc.receptions ??= []),
    'dial-plan-tests': () => (doc.dial_plan.tests ??= []),
    webhooks: () => s.webhooks,
    users: () => s.users,
    keys: () => s.keys,
  }
  const sections = { numbers: ['dial_plan', 'numbers'], emergency: ['dial_plan', 'emergency'], outbound: ['outbound'], 'toll-guard': ['toll_guard'], meet: ['meet'], sip: ['sip'], limits: ['limits'], 'dial-plan': ['dial_plan'], alarms: ['alarms'], evidence: ['evidence'], oidc: ['oidc'], retention: ['retention'] }

  function masked(v) {
    if (Array.isArray(v)) return v.map(masked)
    if (v && typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, secretNames.has(k) && x ? MASK : masked(x)]))
    return v
  }
  function bump(author, comment, diff) {
    s.version++
    s.versions.unshift({ number: s.version, at: new Date().toISOString(), author, comment, diff })
    s.audit.unshift({ id: 'v' + s.version, at: new Date().toISOString(), who: author, from: '127.0.0.1', kind: 'config', action: 'Change the configuration', target: `version ${s.version}`, detail: comment, result: 'done' })
    emit('config', { version: s.version })
  }
  function emit(event, data) {
    for (const res of s.streams) res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }
  const targetNames = () => ({ device: kinds.devices().map((d) => d.name), trunk: kinds.trunks().map((d) => d.name), account: kinds['google-voice']().map((d) => d.name), group: Object.keys(doc.dial_plan.groups ?? {}), meet: kinds['access-tokens']().map((d) => d.name), reception: kinds.receptions().map((d) => d.name) })

  function check(kind, item) {
    const errors = []
    const bad = (location, message) => errors.push({ location: 'body.' + location, message })
    if (!item.name) bad('name', 'a name is needed')
    else if (!/^[\w.@ -]{1,64}$/.test(item.name)) bad('name', 'letters, digits, ".", "-", "_" and blanks only')
    for (const f of ['match', 'caller', 'post_match'])
      if (item[f]) {
        if (/\(\?[=!<]/.test(item[f])) bad(f, 'lookahead and lookbehind are not in RE2; write the cases as rules of their own, the special one first')
        else
          try {
            new RegExp(item[f])
          } catch (e) {
            bad(f, String(e.message))
          }
      }
    for (const f of ['number', 'caller_id']) if (item[f] && !/^\+?\d{3,15}$/.test(item[f])) bad(f, `"${item[f]}" is not a telephone number; write it with + and the country code`)
    if (item.max_calls < 0) bad('max_calls', 'must not be negative')
    for (const f of ['within', 'lobby', 'expires', 'qualify']) if (item[f] && !/^\d+(ms|s|m|h|d)/.test(item[f])) bad(f, `"${item[f]}" is not a duration; write a number with a unit, such as 30s`)
    if (kind === 'rules' && !item.to?.length) bad('to', 'a rule needs a target')
    const known = targetNames()
    for (const list of ['to', 'ring', 'members'])
      if (Array.isArray(item[list]))
        item[list].forEach((t, i) => {
          const k = Object.keys(known).find((k) => k in t)
          if (t.external) return
          if (!k) bad(`${list}[${i}]`, 'a target names exactly one of device, trunk, account, group, meet, reception, or is external')
          else if (!known[k].includes(t[k])) bad(`${list}[${i}].${k}`, `there is no ${k} "${t[k]}"`)
        })
    return errors
  }

  function explain({ from, to = '', via = '', connector = 'sipua' }) {
    const steps = []
    const rules = [...kinds.rules()].sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0))
    const area = doc.dial_plan.numbers?.area
    let alias = to
    if (/^\d{7}$/.test(to) && area) alias = '+1' + area + to
    else if (/^\d{10}$/.test(to)) alias = '+1' + to
    else if (/^1\d{10}$/.test(to)) alias = '+' + to
    else if (/^011\d+$/.test(to)) alias = '+' + to.slice(3)
    const words = (t) => (t.account ? `Google Voice account ${t.account} dials ${alias}` : t.meet ? `Google Meet meeting ${alias}, with the access token ${t.meet}` : t.reception ? `reception ${t.reception}, which asks for a meeting ID and dials it` : t.group ? `all at once: ${(doc.dial_plan.groups[t.group] ?? []).map((x) => 'SIP ' + (x.device ?? x.trunk)).join('; ')}` : `SIP ${t.device ?? t.trunk}, as ${t.number ?? alias}`) + (t.within ? `, for at most ${t.within}` : '')
    const done = (targets) => ({ alias, steps, destinations: targets.map((t) => ({ text: words(t) })) })
    if (['911', '933', '112', '999'].includes(to)) {
      steps.push({ rule: 'emergency', matched: true, why: `${to} is an emergency number` })
      const out = doc.dial_plan.emergency?.to ?? []
      return out.length ? done(out) : { alias, steps, destinations: [], error: 'no emergency trunk is configured', sip: 403, sentence: 'Emergency numbers cannot be dialled here. Hang up and use a mobile or landline telephone.' }
    }
    steps.push({ rule: 'emergency', matched: false, why: 'not an emergency number' })
    for (const rule of rules) {
      const no = (why) => steps.push({ rule: rule.name, matched: false, why })
      let m = null
      try {
        m = rule.match ? new RegExp(`^(?:${rule.match})$`).exec(alias) : [alias]
      } catch {
        no('the pattern is not understood')
        continue
      }
      if (!m) no(`${alias} does not match ${rule.match}`)
      else if (rule.from?.length && !rule.from.includes(via) && !rule.from.includes(connector)) no(`it is for calls from ${rule.from.join(', ')}`)
      else if (rule.caller && !new RegExp(`^(?:${rule.caller})$`).test(from ?? '')) no(`the caller ${from ?? ''} does not match ${rule.caller}`)
      else {
        if (rule.replace) alias = rule.replace.replace(/\$(\d)/g, (_, d) => m[Number(d)] ?? '')
        steps.push({ rule: rule.name, matched: true, why: rule.replace ? `${m[0]} becomes ${alias}` : `${alias} matches` })
        return done(rule.to)
      }
    }
    const account = kinds['google-voice']().find((a) => a.name === via)
    if (connector === 'gvoice' && account) {
      steps.push({ rule: `ring of ${via}`, matched: true, why: 'the number of the account was called' })
      return done(account.ring ?? [])
    }
    const device = kinds.devices().find((d) => d.name === alias)
    if (device) {
      steps.push({ rule: 'devices', matched: true, why: `${alias} is a device` })
      return done([{ device: alias }])
    }
    steps.push({ rule: 'devices', matched: false, why: `there is no device ${alias}` })
    if (/^\+\d{7,}$/.test(alias) && via && doc.outbound?.length) {
      steps.push({ rule: 'outbound', matched: true, why: 'a telephone number that no rule knows' })
      return done(doc.outbound)
    }
    if (!via) steps.push({ rule: 'outbound', matched: false, why: 'callers nobody knows may not call out' })
    return { alias, steps, destinations: [], error: via ? 'no rule leads anywhere' : 'the caller is not known', sip: via ? 404 : 403, sentence: via ? 'This number is not known here.' : 'You may not place this call.' }
  }
  function lint() {
    const out = []
    const rules = kinds.rules()
    rules.forEach((rule, i) => {
      if (rule.open && rule.to?.some((t) => t.account || t.trunk)) out.push({ rule: rule.name, severity: 'critical', text: 'Anybody who finds this gateway can call out by this rule, at your cost. Turn “unknown callers” off, or say who may.' })
      if (rule.match && rule.match.includes('.*') && !rule.match.includes('@')) out.push({ rule: rule.name, severity: 'warning', text: '“.*” takes every number, also those of the rules below.' })
      const before = rules.slice(0, i).find((x) => x.match === rule.match && (!x.from?.length || String(x.from) === String(rule.from)) && !x.continue)
      if (before) out.push({ rule: rule.name, severity: 'warning', text: `It never gets a call: “${before.name}” above takes all of them.` })
    })
    return out
  }
  function series() {
    const q = random(7)
    const begun = Array.from({ length: 60 }, (_, i) => Math.round((fresh ? 0 : 9) * (1 + Math.sin(i / 9)) + (fresh ? 0 : q() * 6)))
    return { step_s: 60, end: new Date(now).toISOString(), begun, failed: begun.map((n) => Math.round(n * q() * 0.18)), active: begun.map((n) => n * 2) }
  }

  // A little life: qualities move, calls end and begin.
  let n = calls
  const timer = setInterval(() => {
    if (fixed || !s.streams.size || !live.size) return
    const ids = [...live.keys()]
    for (let i = 0; i < Math.min(4, ids.length); i++) {
      const id = ids[Math.floor(Math.random() * ids.length)]
      const c = live.get(id)
      if (!c) continue
      if (Math.random() < 0.1 && ids.length > calls * 0.9) {
        live.delete(id)
        const t = Date.now()
        records.unshift({ ...c, phase: undefined, ended: new Date(t).toISOString(), cause: 'normal', sentence: 'The call ended normally.', talked_ns: c.answered ? (t - Date.parse(c.answered)) * 1e6 : undefined })
        emit('call', { type: 'ended', call: { ...c, ended: new Date(t).toISOString() } })
        const fresh = makeCall(Math.random, n++, t)
        fresh.began = new Date(t).toISOString()
        fresh.answered = new Date(t + 10).toISOString()
        live.set(fresh.id, fresh)
        emit('call', { type: 'began', call: fresh })
      } else {
        if (c.a.mos) c.a.mos = +Math.min(4.4, Math.max(1.8, c.a.mos + (Math.random() - 0.48) * 0.3)).toFixed(2)
        emit('call', { type: 'changed', call: c })
      }
    }
  }, 1000)
  timer.unref()

  async function handle(req, res) {
    const url = new URL(req.url, 'http://mock')
    if (!url.pathname.startsWith('/api/v1')) return false
    const path = url.pathname.slice(7).split('/').filter(Boolean).map(decodeURIComponent)
    const method = req.method
    const q = url.searchParams
    let body
    if (method !== 'GET' && method !== 'DELETE') {
      const chunks = []
      for await (const c of req) chunks.push(c)
      try {
        body = JSON.parse(Buffer.concat(chunks).toString() || '{}')
      } catch {
        body = {}
      }
    }
    const send = (status, data, headers = {}) => {
      res.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers })
      res.end(data === undefined ? '' : JSON.stringify(data))
      return true
    }
    const problem = (status, title, detail, errors) => send(status, { title, status, detail, errors }, { 'Content-Type': 'application/problem+json' })
    const etag = () => ({ ETag: `"${s.version}"` })
    const a = path.join('/')
    // One session for all that have the cookie; whoever is signed in from the start needs none.
    const known = signedIn || (s.sessions && /tandem_session=mock/.test(req.headers.cookie ?? ''))
    const cookie = { 'Set-Cookie': 'tandem_session=mock; HttpOnly; SameSite=Strict; Path=/' }

    if (a === 'setup') {
      if (method === 'GET') return send(200, { needed: s.needed })
      if (body.token !== 'abc123') return problem(403, 'Wrong set-up code', 'This is not the set-up code of this gateway. It stands in the log, in the line that says “first run”.')
      s.needed = false
      s.sessions = true
      s.user = { user: body.user, role: 'admin', csrf: 'mock' }
      s.users[0].name = body.user
      return send(200, s.user, cookie)
    }
    if (a === 'session') {
      if (method === 'GET') return known ? send(200, s.user) : problem(401, 'Not signed in', 'Sign in first.')
      if (method === 'DELETE') {
        s.sessions = false
        return send(204)
      }
      if (body.password === 'wrong' || !body.password) return problem(401, 'Not signed in', 'User name or password is wrong.')
      s.sessions = true
      s.user = { user: body.user, role: s.users.find((u) => u.name === body.user)?.role ?? 'admin', csrf: 'mock' }
      return send(200, s.user, cookie)
    }
    if (a === 'oidc') return send(200, fresh ? { enabled: false } : { enabled: true, label: 'Example Inc.', login: '/api/v1/oidc/login' })
    if (!known) return problem(401, 'Not signed in', 'Sign in first.')
    if (method !== 'GET' && req.headers['x-csrf-token'] !== 'mock') return problem(403, 'Forbidden', 'The CSRF token is missing.')

    if (a === 'events') {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
      res.write(': hello\n\n')
      s.streams.add(res)
      req.on('close', () => s.streams.delete(res))
      return true
    }
    const writes = method !== 'GET'
    const configuring = writes && (path[0] in kinds || ['settings', 'config', 'groups'].includes(path[0])) && !['users', 'keys', 'webhooks'].includes(path[0]) && path[2] !== 'test' && a !== 'config/try'
    if (configuring && readonly) return problem(409, 'Read only', 'this gateway takes its configuration from tandem.yaml; change it there, or start it with managed: true')
    if (configuring && req.headers['if-match'] && req.headers['if-match'] !== `"${s.version}"`) return problem(412, 'Changed meanwhile', 'somebody else changed the configuration')
    const comment = req.headers['x-change-comment'] ? Buffer.from(req.headers['x-change-comment'], 'latin1').toString('utf8') : ''

    if (a === 'status') {
      const gv = kinds['google-voice']()
      return send(200, {
        version: '0.9.0',
        node: 'gw1',
        started: new Date(now - 9.3 * 864e5).toISOString(),
        managed: !readonly,
        file: readonly ? 'tandem.yaml' : undefined,
        config_version: s.version,
        counts: { calls: live.size, legs: live.size * 2, meetings: new Set([...live.values()].map((c) => c.meeting).filter(Boolean)).size, devices: kinds.devices().length, devices_registered: fresh ? 0 : Math.min(7, kinds.devices().length), accounts: gv.length, accounts_registered: fresh ? 0 : gv.filter((x) => x.name !== 'shop').length, trunks: kinds.trunks().length, trunks_up: fresh ? 0 : kinds.trunks().length - 1, alarms: { info: 0, warning: s.alarms.filter((x) => x.severity === 'warning').length, critical: s.alarms.filter((x) => x.severity === 'critical').length } },
        capacity: { calls: { used: live.size, limit: 1000 }, ports: { used: live.size * 2, limit: fresh ? 0 : 2200 }, cpu: { used: fresh ? 0.02 : 0.31, limit: 0.85 } },
        series: series(),
      })
    }
    if (a === 'config/schema') return send(200, schema)
    if (a === 'config') {
      if (method === 'PUT') {
        if (!body.sip || !body.dial_plan) return problem(422, 'The document is not valid', 'sections are missing', [{ location: 'body.sip', message: 'needed' }])
        Object.assign(doc, body)
        bump(s.user.user, comment || 'the whole document', [{ field: 'document', before: '', after: '' }])
      }
      return send(200, masked(doc), etag())
    }
    if (a === 'config/try') {
      const diff = []
      for (const k of new Set([...Object.keys(doc), ...Object.keys(body)])) if (JSON.stringify(masked(doc)[k]) !== JSON.stringify(body[k])) diff.push({ field: k, before: JSON.stringify(masked(doc)[k]), after: JSON.stringify(body[k]) })
      return send(200, { diff, warnings: lint() })
    }
    if (a === 'versions') {
      const before = Number(q.get('before') ?? 0)
      return send(200, { items: s.versions.filter((v) => !before || v.number < before).map(({ diff: _, ...v }) => v) })
    }
    if (path[0] === 'versions' && path[2] === 'diff') return send(200, { diff: s.versions.find((v) => v.number === Number(path[1]))?.diff ?? [] })
    if (path[0] === 'versions' && path[2] === 'rollback') {
      bump(s.user.user, '', [])
      s.versions[0].undo = Number(path[1])
      return send(200, s.versions[0])
    }
    if (a === 'rules/order') {
      const rules = kinds.rules()
      const at = new Map(body.names.map((name, i) => [name, i]))
      rules.sort((x, y) => (at.get(x.name) ?? 0) - (at.get(y.name) ?? 0))
      rules.forEach((x, i) => (x.priority = (i + 1) * 10))
      bump(s.user.user, 'rules in another order', [{ field: 'dial_plan.rules', before: '', after: JSON.stringify(body.names) }])
      return send(200, { version: s.version })
    }
    if (a === 'route/explain') return send(200, explain(body))
    if (a === 'lint') return send(200, { items: lint() })
    if (a === 'calls' && method === 'POST') return send(201, { id: [...live.keys()][0] ?? 'c1' })
    if (a === 'calls') {
      const all = [...live.values()]
      const from = Number(q.get('after') ?? 0)
      const limit = Number(q.get('limit') ?? 1000)
      return send(200, { items: all.slice(from, from + limit), next: from + limit < all.length ? String(from + limit) : undefined })
    }
    if (path[0] === 'calls') {
      const c = live.get(path[1])
      if (!c) return problem(404, 'Not found', 'there is no such call')
      if (method === 'DELETE') {
        live.delete(path[1])
        records.unshift({ ...c, ended: new Date().toISOString(), cause: 'normal', talked_ns: 1e9 })
        emit('call', { type: 'ended', call: c })
        return send(204)
      }
      if (path[2] === 'mute') {
        const leg = body.leg ?? 'a'
        c.muted = (c.muted ?? []).filter((x) => x !== leg).concat(body.muted ? [leg] : [])
        return send(204)
      }
      if (path[2] === 'capture') {
        const made = { id: 'p' + (s.captures.length + 1), call: c.id, by: s.user.user, began: new Date().toISOString(), until: new Date(Date.now() + (body.seconds ?? 60) * 1000).toISOString(), state: 'running', media: !!body.media, octets: 18400 }
        s.captures.unshift(made)
        return send(202, made)
      }
      return method === 'POST' ? send(200, {}) : send(200, evidence(c, clock()))
    }
    if (a === 'history' || a === 'history.csv') {
      const text = (q.get('q') ?? '').toLowerCase()
      const found = records.filter((c) => (!text || JSON.stringify([c.from, c.from_name, c.to, c.a.via, c.b?.via, c.id, c.meeting_title]).toLowerCase().includes(text)) && (!q.get('cause') || c.cause === q.get('cause')) && (!q.get('connector') || c.a.connector === q.get('connector') || c.b?.connector === q.get('connector')) && (!q.get('from') || c.began >= q.get('from')) && (!q.get('to') || c.began < q.get('to')))
      if (a === 'history.csv') {
        res.writeHead(200, { 'Content-Type': 'text/csv' })
        res.end('id,from,to\n' + found.map((c) => `${c.id},${c.from},${c.to}`).join('\n'))
        return true
      }
      const from = Number(q.get('after') ?? 0)
      const limit = Number(q.get('limit') ?? 50)
      return send(200, { items: found.slice(from, from + limit), next: from + limit < found.length ? String(from + limit) : undefined })
    }
    if (path[0] === 'history') {
      const c = records.find((x) => x.id === path[1])
      return c ? send(200, evidence(c, now)) : problem(404, 'Not found', 'there is no such record')
    }
    if (a === 'replay/series') {
      const [from, to, step] = [Date.parse(q.get('from')), Date.parse(q.get('to')), Number(q.get('step_s') ?? 60)]
      const n = Math.ceil((to - from) / 1000 / step)
      const each = (f) => Array.from({ length: n }, (_, i) => (fresh ? 0 : f(i)))
      return send(200, { from: new Date(from).toISOString(), step_s: step, begun: each((i) => (i * 7) % 5), failed: each((i) => (i % 11 ? 0 : 1)), active: each((i) => Math.round(12 + 9 * Math.sin(i / 9))), whole: true })
    }
    if (a === 'replay') {
      const at = Date.parse(q.get('at'))
      if (!(at <= clock())) return problem(422, 'Not valid', 'this is not past yet; GET /calls shows what is now', [{ location: 'query.at', message: 'this is not past yet' }])
      const some = fresh ? [] : records.slice(0, 7).map((c, i) => ({ ...c, began: new Date(at - (i + 1) * 47e3).toISOString(), phase: i % 3 ? 'active' : 'early', answered: i % 3 ? new Date(at - (i + 1) * 40e3).toISOString() : undefined }))
      return send(200, { at: new Date(at).toISOString(), calls: some, registrations: fresh ? [] : kinds.devices().slice(0, 5).map((d, i) => ({ id: 'r' + i, device: d.name, began: new Date(at - (i + 1) * 36e5).toISOString(), remote: `192.0.2.${20 + i}:5060`, network: 'udp', agent: 'Yealink T54W' })), alarms: fresh ? [] : s.past.slice(0, 1).map((x) => ({ ...x, begin: new Date(at - 9e5).toISOString() })), whole: true })
    }
    if (a === 'alarms') return send(200, { items: s.alarms })
    if (a === 'alarms/history') return send(200, { items: s.past })
    if (path[0] === 'alarms' && path[2] === 'acknowledge') {
      const x = s.alarms.find((y) => y.key === path[1])
      if (!x) return problem(404, 'Not found', 'there is no such alarm')
      x.acknowledged = { by: s.user.user, at: new Date().toISOString() }
      emit('alarm', { type: 'acknowledged' })
      return send(200, x)
    }
    if (a === 'registrations/history') return send(200, { items: fresh ? [] : [1, 2, 3].map((n) => ({ id: 'r' + n, device: q.get('device'), began: ago(n * 3.1), ended: ago(n * 3.1 - 2.4), remote: `192.0.2.${20 + n}:5060`, network: 'udp', agent: 'Linphone/5.2', reason: ['it ran out', 'the phone took it back', 'the phone did not answer any more'][n - 1] })) })
    if (a === 'registrations')
      return send(200, { devices: [], trunks: kinds.trunks().map((t, i) => ({ name: t.name, state: i === 1 ? 'down' : t.register ? 'registered' : 'up', problem: i === 1 ? 'no answer to OPTIONS for 90 s' : undefined, calls: i === 1 ? 0 : 4 })), items: fresh ? [] : kinds.devices().slice(0, 7).flatMap((d, i) => Array.from({ length: i === 1 ? 2 : 1 }, (_, k) => ({ device: d.name, key: d.name + k, contact: `<sip:${d.name}@192.0.2.${20 + i}:5060>`, network: d.video ? 'tls' : 'udp', remote: `192.0.2.${20 + i + k * 30}:${5060 + k}`, local: '0.0.0.0:5060', expires: new Date(clock() + (20 + i * 7) * 60e3).toISOString(), agent: ['Yealink SIP-T54W 96.86.0.70', 'Linphone/5.2', 'Grandstream HT802', 'Poly G7500', 'Cisco Room Kit', 'baresip 3.9'][i % 6] }))) })
    if (a === 'accounts/status') return send(200, { items: kinds['google-voice']().map((x) => ({ account: x.name, number: x.number, state: fresh ? 'connecting' : x.name === 'shop' ? 'silent' : 'registered', since: ago(x.name === 'shop' ? 0.01 : 3.2), proxy: 'voice.telephony.goog:5061', problem: x.name === 'shop' ? 'the registrar answered 603 Declined' : undefined, next: x.name === 'shop' ? new Date(clock() + 4 * 60e3).toISOString() : undefined, calls: x.name === 'shop' ? 0 : [...live.values()].filter((c) => c.b?.via === x.name).length })) })
    if (a === 'nodes') {
      const node = (name, more) => ({ name, address: `${name}.example.com:5070`, version: '0.9.0', state: s.drained === name ? 'draining' : 'active', session: 3, started: ago(9), beat: new Date(clock()).toISOString(), until: new Date(clock() + 9e3).toISOString(), calls: [...live.values()].filter((c) => c.node === name).length, this: false, drain: s.drained === name, leases: [], ...more })
      return send(200, fresh ? { items: [], calls: [] } : { items: [node('gw1', { this: true, leases: ['gvoice/home'] }), node('gw2', { leases: ['gvoice/shop'], by: 'admin' })], calls: [...live.values()].filter((c) => c.node === 'gw2').slice(0, 6).map((c) => ({ id: c.id, node: c.node, from: c.from, from_name: c.from_name, to: c.meeting_title ?? c.to, a: `sipua ${c.a.via}`, b: c.b && `${c.b.connector} ${c.b.via}`, began: c.began, answered: c.answered })) })
    }
    if (path[0] === 'nodes') {
      s.drained = path[2] === 'drain' ? path[1] : ''
      return send(204)
    }
    if (a === 'captures') return send(200, { items: s.captures, on: true })
    if (path[0] === 'captures') {
      const x = s.captures.find((y) => y.id === path[1])
      if (!x) return problem(404, 'Not found', 'there is no such capture; its file may have been thrown away')
      if (path[2] === 'stop') Object.assign(x, { state: 'over', ended: new Date().toISOString(), octets: 214000 })
      else if (path[2] === 'file') {
        res.writeHead(200, { 'Content-Type': 'application/x-pcapng' })
        res.end(Buffer.from([10, 13, 13, 10]))
        return true
      } else if (method === 'DELETE') s.captures.splice(s.captures.indexOf(x), 1)
      return send(204)
    }
    if (a === 'google-voice-consent') {
      s.consent = body.account
      if (!kinds['google-voice']().some((x) => x.name === body.account) && !body.number) return problem(422, 'Not valid', 'a new account needs its number, such as +12025550123', [{ location: 'body.number', message: 'a new account needs its number' }])
      return send(201, { url: body.redirect_url + '?state=abc&code=xyz', state: 'abc', expires: new Date().toISOString() })
    }
    if (a === 'google-voice-consent/finish') return s.consent ? send(200, { account: s.consent, version: s.version }) : problem(404, 'Not found', 'this consent was not begun here, was finished, or took longer than 15 minutes; begin again')
    if (a === 'meetings') return send(200, { items: [] })
    if (a === 'audit') return send(200, { items: s.audit })
    if (a === 'gateway-token') return send(200, s.token)
    if (path[0] === 'gateway-token') {
      if (path[1] === 'csr') {
        s.token.pending = { subject: 'CN=gw1.example.com', made: new Date().toISOString() }
        res.writeHead(200, { 'Content-Type': 'application/x-pem-file' })
        res.end('-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n')
        return true
      }
      if (path[1] === 'certificate') {
        if (!/BEGIN CERTIFICATE/.test(body.pem ?? '')) return problem(422, 'Not a certificate', 'this is no certificate in PEM; it begins with -----BEGIN CERTIFICATE-----')
        s.token.staged = { subject: 'CN=gw1.example.com', issuer: 'CN=Interop Gateway CA 3', not_before: ago(0), expires: ago(-365), serial: '41:00:00:01' }
        return send(200, s.token)
      }
      if (path[1] === 'activate') Object.assign(s.token, { active: s.token.staged, staged: undefined })
      if (path[1] === 'staged') s.token.staged = undefined
      return send(200, s.token)
    }
    if (path[0] === 'settings' && sections[path[1]]) {
      const where = sections[path[1]]
      const parent = where.length > 1 ? (doc[where[0]] ??= {}) : doc
      const key = where.at(-1)
      const hidden = { sip: ['devices', 'trunks', 'proxies'], meet: ['access_tokens'], 'dial-plan': ['numbers', 'emergency', 'groups', 'rules', 'tests'] }[path[1]] ?? []
      if (method === 'PUT') {
        const before = parent[key]
        parent[key] = Array.isArray(body) ? body : { ...Object.fromEntries(hidden.map((h) => [h, before?.[h]])), ...body }
        bump(s.user.user, comment, [{ field: where.join('.'), before: JSON.stringify(before), after: JSON.stringify(parent[key]) }])
      }
      const v = parent[key] ?? (path[1] === 'outbound' ? [] : {})
      return send(200, Array.isArray(v) ? v : masked(Object.fromEntries(Object.entries(v).filter(([k]) => !hidden.includes(k)))), etag())
    }
    if (path[0] === 'groups') {
      const groups = (doc.dial_plan.groups ??= {})
      if (!path[1]) {
        if (method === 'POST') {
          const errors = check('groups', body)
          if (errors.length) return problem(422, 'The ring group is not valid', 'See the fields that are marked.', errors)
          groups[body.name] = body.members ?? []
          bump(s.user.user, comment, [{ field: `dial_plan.groups.${body.name}`, after: JSON.stringify(body.members) }])
          return send(201, body)
        }
        return send(200, { items: Object.entries(groups).map(([name, targets]) => ({ name, members: targets })) })
      }
      if (!groups[path[1]]) return problem(404, 'Not found', 'there is no such group')
      if (method === 'DELETE') {
        delete groups[path[1]]
        bump(s.user.user, comment, [])
        return send(204)
      }
      if (method === 'PUT') {
        groups[path[1]] = body.members ?? []
        bump(s.user.user, comment, [])
      }
      return send(200, { name: path[1], members: groups[path[1]] }, etag())
    }
    if (path[0] in kinds) {
      const list = kinds[path[0]]()
      const plain = ['users', 'keys', 'webhooks'].includes(path[0])
      if (!path[1]) {
        if (method === 'POST') {
          if (path[0] === 'keys') {
            list.push({ id: 'k' + (list.length + 1), name: body.name, scopes: body.scopes, created: new Date().toISOString() })
            return send(201, { ...list.at(-1), secret: 'tdm_8x2mPq0vTn4kLw7rYb1s' })
          }
          const errors = check(path[0], body)
          if (errors.length) return problem(422, 'It is not valid', 'See the fields that are marked.', errors)
          if (list.some((x) => x.name === body.name)) return problem(409, 'The name is taken', `there is one called "${body.name}" already`, [{ location: 'body.name', message: 'this name is taken' }])
          list.push(body)
          if (!plain) bump(s.user.user, comment, [{ field: `${path[0]}[${body.name}]`, after: JSON.stringify(masked(body)) }])
          return send(201, masked(body), etag())
        }
        const from = Number(q.get('after') ?? 0)
        const limit = Number(q.get('limit') ?? 200)
        return send(200, { items: masked(list.slice(from, from + limit)), version: s.version, next: from + limit < list.length ? String(from + limit) : undefined })
      }
      const at = list.findIndex((x) => (x.id ?? x.name) === path[1])
      if (at < 0) return problem(404, 'Not found', 'there is none of this name')
      if (path[2] === 'test') return send(200, path[0] === 'webhooks' ? { status: 204, took_ms: 41 } : list[at].name === 'shop' ? { ok: false, text: 'Google answered: invalid_grant. The refresh token was revoked or has expired; make a new one.' } : { ok: true, text: 'Google accepts the credentials: an access token was fetched in 180 ms.' })
      if (path[2] === 'dead-letters' && method === 'POST') return path[4] ? send(202) : send(200, { sent: 1, left: 0 })
      if (path[2] === 'dead-letters' && method === 'DELETE') return send(204)
      if (path[2] === 'dead-letters') return send(200, { items: [{ id: 'd1', at: ago(0.4), event: 'alarm.raised', tries: 8, error: 'tickets.example.com answered 502 Bad Gateway' }] })
      if (method === 'DELETE') {
        const [gone] = list.splice(at, 1)
        if (!plain) bump(s.user.user, comment, [{ field: `${path[0]}[${gone.name}]`, before: JSON.stringify(masked(gone)) }])
        return send(204)
      }
      if (method === 'PUT') {
        const errors = plain ? [] : check(path[0], body)
        if (errors.length) return problem(422, 'It is not valid', 'See the fields that are marked.', errors)
        const before = masked(list[at])
        for (const k of Object.keys(body)) if (body[k] === MASK) body[k] = list[at][k]
        list[at] = plain ? { ...list[at], ...body } : body
        if (!plain) bump(s.user.user, comment, Object.keys({ ...before, ...body }).filter((k) => JSON.stringify(before[k]) !== JSON.stringify(masked(body)[k])).map((k) => ({ field: `${path[0]}[${body.name}].${k}`, before: JSON.stringify(before[k]), after: JSON.stringify(masked(body)[k]) })))
      }
      return send(200, masked(list[at]), etag())
    }
    return problem(404, 'Not found', 'the stand-in does not know ' + url.pathname)
  }
  return { handle, state: s, doc, calls: () => [...live.values()], records: () => records, stop: () => clearInterval(timer) }
}

function history(now) {
  const at = (h) => new Date(now - h * 3600e3).toISOString()
  return [
    { number: 6, at: at(3), author: 'admin', comment: 'longer ringing at home', diff: [{ field: 'google_voice[home].ring[0].within', before: '"15s"', after: '"20s"' }] },
    { number: 5, at: at(26), author: 'api key GitOps', comment: 'boardroom gets its own rule', diff: [{ field: 'dial_plan.rules[meetings]', after: '{"name":"meetings","priority":15,"match":"(\\\\d{13})(@.*)?","to":[{"meet":"acme"}]}' }, { field: 'sip.devices[boardroom].video', before: 'false', after: 'true' }] },
    { number: 4, at: at(49), author: 'admin', undo: 2, diff: [] },
    { number: 3, at: at(50), author: 'operator', comment: 'try another carrier', diff: [] },
    { number: 2, at: at(200), author: 'admin', comment: 'first steps', diff: [] },
    { number: 1, at: at(220), author: 'file', comment: 'the first start', diff: [] },
  ]
}

function audit(now) {
  const at = (h) => new Date(now - h * 3600e3).toISOString()
  const e = (h, who, kind, action, target, detail, from, result = 'done') => ({ id: 'a' + h, at: at(h), who, kind, action, target, detail, from, result })
  return [
    e(0.2, 'admin', 'session', 'Sign in', '', '', '192.0.2.77'),
    e(3, 'admin', 'config', 'Change a Google Voice account', 'home', 'longer ringing at home', '192.0.2.77'),
    e(5, 'mallory', 'session', 'Sign in', '', 'wrong password', '198.51.100.4', 'refused'),
    e(26, 'api key GitOps', 'config', 'Replace the whole configuration', 'version 5', 'boardroom gets its own rule', '192.0.2.9'),
    e(31, 'operator', 'call', 'Hang up', 'c51a3f0129b', '', '192.0.2.80'),
    e(49, 'admin', 'config', 'Put a version back in force', 'version 2', '', '192.0.2.77'),
    e(300, 'admin', 'user', 'Add a user', 'operator', '', '192.0.2.77'),
  ]
}
