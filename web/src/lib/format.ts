import type { Call, Leg, Quality } from './types'

const none = '–'

export function clock(t?: string): string {
  if (!valid(t)) return none
  return new Date(t!).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })
}

export function dateTime(t?: string): string {
  if (!valid(t)) return none
  const d = new Date(t!)
  const day = d.toDateString() === new Date().toDateString() ? 'Today' : d.toLocaleDateString(undefined, { day: 'numeric', month: 'short', year: d.getFullYear() === new Date().getFullYear() ? undefined : 'numeric' })
  return `${day}, ${d.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', hour12: false })}`
}

export function exact(t?: string): string {
  return valid(t) ? new Date(t!).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium', hour12: false }) : none
}

function valid(t?: string): boolean {
  return !!t && !t.startsWith('0001-') && !Number.isNaN(Date.parse(t))
}

/** momentOf is the link to the gateway as it was when something began: a browser's clock has milliseconds, and what began after one had not begun at it. */
export function momentOf(t: string): string {
  return '#/replay?at=' + encodeURIComponent(new Date(Date.parse(t) + 1).toISOString())
}

/** span is a duration in ms for people: 3:07, 1:02:40. */
export function span(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return none
  const s = Math.floor(ms / 1000)
  const two = (n: number) => String(n).padStart(2, '0')
  const h = Math.floor(s / 3600)
  return h ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`
}

export function ago(t: string | undefined, now: number): string {
  if (!valid(t)) return none
  const s = Math.round((now - Date.parse(t!)) / 1000)
  if (s < 0) return 'in ' + rough(-s)
  return s < 5 ? 'now' : rough(s) + ' ago'
}

export function rough(s: number): string {
  if (s < 90) return `${Math.round(s)} s`
  if (s < 90 * 60) return `${Math.round(s / 60)} min`
  if (s < 36 * 3600) return `${Math.round(s / 3600)} h`
  return `${Math.round(s / 86400)} days`
}

export function ms(ns?: number): string {
  return ns ? `${(ns / 1e6).toFixed(ns < 1e7 ? 1 : 0)} ms` : none
}

export function bits(rate?: number): string {
  if (!rate) return none
  return rate >= 1e6 ? `${(rate / 1e6).toFixed(1)} Mbit/s` : `${Math.round(rate / 1000)} kbit/s`
}

/** octets is a size for people. */
export function octets(n: number): string {
  return n >= 1e6 ? `${(n / 1e6).toFixed(1)} MB` : n >= 1000 ? `${Math.round(n / 1000)} kB` : `${n} octets`
}

export function percent(share?: number, digits = 1): string {
  return share === undefined ? none : `${(share * 100).toFixed(share === 0 ? 0 : digits)} %`
}

export function count(n: number, one: string, many = one + 's'): string {
  return `${n.toLocaleString()} ${n === 1 ? one : many}`
}

/** lossOf is the share of the leg's packets that did not come. */
export function lossOf(l?: Leg): number | undefined {
  const m = l?.media
  if (!m?.packets_in) return undefined
  return (m.lost ?? 0) / (m.packets_in + (m.lost ?? 0))
}

/** quality grades a leg: by loss (1, 3, 10 %), one step worse above 40 ms of jitter; MOS where there is one. */
export function quality(l?: Leg): Quality {
  const steps: Quality[] = ['good', 'ok', 'bad', 'terrible']
  const loss = lossOf(l)
  if (loss === undefined) return 'unknown'
  let step = loss < 0.01 ? 0 : loss < 0.03 ? 1 : loss < 0.1 ? 2 : 3
  if ((l?.media?.jitter_ns ?? 0) > 40e6) step++
  if (l?.mos) step = Math.max(step, l.mos >= 3.6 ? 0 : l.mos >= 3.1 ? 1 : l.mos >= 2.4 ? 2 : 3)
  return steps[Math.min(step, 3)]!
}

const order: Quality[] = ['unknown', 'good', 'ok', 'bad', 'terrible']

export function worst(...q: Quality[]): Quality {
  return q.reduce((a, b) => (order.indexOf(b) > order.indexOf(a) ? b : a), 'unknown')
}

export function callQuality(c: Call): Quality {
  return worst(quality(c.a), quality(c.b))
}

export const qualityWord: Record<Quality, string> = {
  good: 'Good',
  ok: 'Fair',
  bad: 'Poor',
  terrible: 'Very poor',
  unknown: 'Not known yet',
}

const connectors: Record<string, string> = { sipua: 'SIP', gvoice: 'Google Voice', meet: 'Google Meet', reception: 'Reception' }

export function connector(name?: string): string {
  return name ? (connectors[name] ?? name) : none
}

const phases: Record<string, string> = { dialing: 'dialling', early: 'ringing', active: 'answered', ending: 'ending', over: 'over' }

/** phase is how far a running call is. */
export function phase(c: Call): string {
  return c.phase ? (phases[c.phase] ?? c.phase) : c.answered ? 'answered' : 'ringing'
}

export function party(number: string, name?: string): string {
  return name && name !== number ? name : phone(number) || 'Unknown'
}

/** phone groups a North American number; everything else stays as it is. */
export function phone(n: string): string {
  const m = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(n)
  return m ? `+1 ${m[1]} ${m[2]} ${m[3]}` : n
}

/** words makes a label of a field's name: caller_id is Caller ID. */
export function words(name: string): string {
  const upper: Record<string, string> = { id: 'ID', ip: 'IP', url: 'URL', sip: 'SIP', cpu: 'CPU', ipv4: 'IPv4', ipv6: 'IPv6', stun: 'STUN', pin: 'PIN', http: 'HTTP', dtls: 'DTLS' }
  const all = name.split(/[_-]/).map((w) => upper[w] ?? w)
  const s = all.join(' ')
  return s.charAt(0).toUpperCase() + s.slice(1)
}
