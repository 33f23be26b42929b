import type { Item } from './types'

const words: Record<string, string> = { device: '', trunk: 'trunk ', account: 'Google Voice ', group: 'group ', meet: 'Meet with ', reception: 'reception ', external: 'the SIP address' }

/** targetWords says where a list of targets leads. */
export function targetWords(targets: unknown): string {
  if (!Array.isArray(targets)) return ''
  return targets.map(oneTarget).join(', then ')
}

export function oneTarget(t: Item): string {
  const kind = Object.keys(words).find((k) => t[k] !== undefined)
  if (!kind) return '?'
  if (kind === 'external') return `${words[kind]}${t.proxy ? ` by ${t.proxy}` : ' by DNS'}${t.within ? ` for ${t.within}` : ''}`
  return `${words[kind]}${t[kind]}${t.number ? ` as ${t.number}` : ''}${t.within ? ` for ${t.within}` : ''}`
}
