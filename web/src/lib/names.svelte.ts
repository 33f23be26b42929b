import { all } from './api'
import type { NameKind } from './layouts'
import type { Item } from './types'

/** The names that targets and conditions choose from. */
class Names {
  lists = $state.raw<Record<NameKind, string[]>>({ devices: [], trunks: [], accounts: [], groups: [], tokens: [], receptions: [], connectors: ['sipua', 'gvoice', 'meet'], locations: [], proxies: [] })

  async load() {
    const read = async (kind: string) => {
      try {
        return (await all<Item>('/' + kind)).map((i) => String(i.name))
      } catch {
        return []
      }
    }
    const lists: Partial<Record<NameKind, string>> = { devices: 'devices', trunks: 'trunks', accounts: 'google-voice', groups: 'groups', tokens: 'access-tokens', receptions: 'receptions', locations: 'locations', proxies: 'sip-proxies' }
    const found = await Promise.all(Object.entries(lists).map(async ([k, path]) => [k, await read(path)] as const))
    this.lists = { ...this.lists, ...Object.fromEntries(found) }
  }
}

export const names = new Names()
