// Makes a JSON Schema of docs/tandem.yaml: every field that stands there, also
// those in comments, with its description, default and likely type. The gateway
// makes its own from the code; this one lets the pages be tried without it.
import { readFileSync } from 'node:fs'
import { parseDocument } from 'yaml'

const secrets = new Set(['password', 'client_secret', 'refresh_token', 'secret'])
const maps = new Set(['roles', 'groups', 'callers', 'sounds'])

export function schemaOf(path) {
  const lines = []
  for (const raw of readFileSync(path, 'utf8').split('\n')) {
    const m = /^(\s*)(# )?(\s*)((?:- )?)([a-z_0-9]+):(?:\s|$)(.*)$/.exec(raw)
    if (!m) continue
    const [, before, hash, inner, dash, name, rest] = m
    if (before.length === 0 && hash && /[A-Z]/.test(rest.split('#')[0]) && !rest.includes('#')) continue
    const indent = before.length + inner.length + dash.length
    const cut = /(?:^|\s)#\s?(.*)$/.exec(rest)
    const value = (cut ? rest.slice(0, cut.index) : rest).trim()
    lines.push({ indent, name, value, text: cut?.[1] ?? '', dash: !!dash, commented: !!hash })
  }
  const root = { type: 'object', properties: {} }
  const stack = [{ indent: -1, node: root }]
  lines.forEach((l, i) => {
    while (stack.at(-1).indent >= l.indent) stack.pop()
    const parent = stack.at(-1)
    let into = parent.node
    const inList = l.dash || (parent.list && into.items)
    if (inList) {
      into.type = 'array'
      into.items ??= { type: 'object', properties: {} }
      parent.list = true
      into = into.items
    } else if (maps.has(parent.name)) {
      into = into.additionalProperties ??= { type: 'object', properties: {} }
      if (parent.name === 'groups') {
        const node = (parent.node.additionalProperties = { type: 'array', items: { $ref: '#/$defs/target' } })
        stack.push({ indent: l.indent, node, list: true, name: l.name })
        return
      }
      if (parent.name === 'callers') {
        stack.push({ indent: l.indent, node: into, name: l.name })
        return
      }
    }
    into.properties ??= {}
    const child = lines[i + 1] && lines[i + 1].indent > l.indent && !l.value
    const node = (into.properties[l.name] ??= child ? { type: 'object', properties: {} } : leaf(l))
    if (l.text && !node.description) node.description = sentence(l.text)
    if (child) stack.push({ indent: l.indent, node, name: l.name })
  })
  const target = { type: 'object', properties: Object.fromEntries(['device', 'trunk', 'account', 'group', 'meet', 'reception', 'number'].map((n) => [n, { type: 'string' }])) }
  target.properties.external = { type: 'boolean' }
  target.properties.proxy = { type: 'string' }
  target.properties.within = target.properties.lobby = { type: 'string', format: 'duration' }
  root.$defs = { target }
  const targets = () => ({ type: 'array', items: { $ref: '#/$defs/target' } })
  const p = root.properties
  p.outbound = targets()
  p.dial_plan.properties.emergency.properties.to = targets()
  p.dial_plan.properties.rules.items.properties.to = targets()
  p.google_voice.items.properties.ring = targets()
  p.dial_plan.properties.groups = { type: 'object', additionalProperties: targets() }
  const times = () => ({ type: 'array', items: { type: 'object', properties: Object.fromEntries(['days', 'hours', 'dates'].map((n) => [n, { type: 'array', items: { type: 'string' } }])) } })
  Object.assign(p.dial_plan.properties.rules.items.properties, { when: times(), except: times() })
  p.oidc.properties.roles = { type: 'object', additionalProperties: { type: 'array', items: { type: 'string' } } }
  p.receptions.items.properties.sounds = { type: 'object', additionalProperties: { type: 'string' } }
  p.dial_plan.properties.tests = { type: 'array', items: { type: 'object', properties: { name: { type: 'string' }, from: { type: 'string' }, caller: { type: 'string' }, to: { type: 'string' }, location: { type: 'string' }, source: { type: 'string' }, protocol: { type: 'string' }, at: { type: 'string' }, expect: { type: 'string' } } } }
  for (const list of [p.sip.properties.devices, p.sip.properties.trunks, p.sip.properties.proxies, p.locations, p.google_voice, p.meet.properties.access_tokens, p.dial_plan.properties.rules, p.receptions]) list.items.required = ['name']
  for (const name of ['node', 'store', 'key_file', 'http', 'web', 'cluster', 'capture', 'tracing', 'log', 'limits', 'media', 'managed']) if (p[name]) p[name]['x-machine'] = true
  p.sip.properties.listen['x-machine'] = true
  return root
}

function leaf(l) {
  let v
  try {
    v = parseDocument(l.value || '""').toJS()
  } catch {
    v = l.value
  }
  const n = { type: 'string' }
  if (secrets.has(l.name)) return { type: 'string', writeOnly: true }
  if (Array.isArray(v)) return { type: 'array', items: { type: 'string' } }
  if (typeof v === 'boolean') n.type = 'boolean'
  else if (typeof v === 'number') n.type = Number.isInteger(v) ? 'integer' : 'number'
  else if (/^\d+(ms|s|m|h|d)$/.test(String(v))) n.format = 'duration'
  if (l.commented && v !== '' && v !== undefined && (n.type === 'integer' || n.type === 'number')) n.default = v
  else if (l.commented && n.format) n.default = v
  return n
}

function sentence(s) {
  const t = s.trim().replace(/;.*default.*$/, '')
  return t.charAt(0).toUpperCase() + t.slice(1) + (/[.!?]$/.test(t) ? '' : '.')
}
