import type { Item, Trace, TraceStep } from './types'

const pick = (o: Item, ...names: string[]) => names.map((n) => o[n]).find((v) => v !== undefined && v !== null)

/** traceOf reads an explanation, whichever way its fields are written. */
export function traceOf(raw: Item): Trace {
  const steps = ((pick(raw, 'steps', 'Steps') as Item[] | undefined) ?? []).map((s): TraceStep => ({ rule: String(pick(s, 'rule', 'Rule') ?? ''), matched: !!pick(s, 'matched', 'Matched'), why: String(pick(s, 'why', 'Why') ?? '') }))
  const destinations = ((pick(raw, 'destinations', 'Destinations') as (Item | string)[] | undefined) ?? []).map((d) => ({ text: typeof d === 'string' ? d : String(d.text ?? words(d)) }))
  const t: Trace = { steps, destinations }
  for (const k of ['alias', 'error', 'sentence', 'text'] as const) {
    const v = pick(raw, k, k.charAt(0).toUpperCase() + k.slice(1))
    if (v) t[k] = String(v)
  }
  const sip = pick(raw, 'sip', 'SIP')
  if (sip) t.sip = Number(sip)
  return t
}

function words(d: Item): string {
  const parallel = pick(d, 'parallel', 'Parallel') as Item[] | undefined
  if (parallel?.length) return 'all at once: ' + parallel.map(words).join('; ')
  const connector = String(pick(d, 'connector', 'Connector') ?? '')
  const target = String(pick(d, 'target', 'Target') ?? '')
  const to = String(pick(d, 'to', 'To') ?? '')
  if (connector === 'gvoice') return `Google Voice account ${target} dials ${to}`
  if (connector === 'meet') return `Google Meet meeting ${to}`
  if (connector === 'reception') return `reception ${target}`
  return `SIP ${target}, as ${to}`
}
