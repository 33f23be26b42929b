import { live } from './live.svelte'

interface Server {
  /** Host and port for a phone, in words. */
  words: string
  /** What tandem call on the gateway's machine needs besides its default. */
  flag: string
}

/** server is where phones reach this gateway: by UDP, or by what there is. */
export function server(): Server {
  const all = live.status?.sip ?? []
  const one = all.find((l) => l.network === 'udp') ?? all.find((l) => l.network === 'tcp') ?? all[0]
  const at = /^(.*):(\d+)$/.exec(one?.addr ?? '') ?? ['', '', '5060']
  const bound = at[1]!.replace(/^\[|\]$/g, '')
  const open = !bound || bound === '0.0.0.0' || bound === '::'
  const host = open ? location.hostname : bound
  const by = !one || one.network === 'udp' ? '' : ` by ${one.network.toUpperCase()}`
  const here = `${open ? '127.0.0.1' : bound.includes(':') ? `[${bound}]` : bound}:${at[2]}`
  return {
    words: `${host}, port ${at[2]}${by}`,
    flag: here === '127.0.0.1:5060' ? '' : ` --server ${here}`,
  }
}
