import { all } from './api'
import type { NameKind } from './layouts'
import type { Item } from './types'

/** The names that targets and conditions choose from. */
class Names {
  lists = $state.raw<Record<NameKind, string[]>>({ devices: [], trunks: [], accounts: [], groups: [], tokens: [], receptions: [], connectors: ['sipua', 'gvoice', 'meet'] })

  async load() {
    const read = async (kind: string) => {
      try {
        return (await all<Item>('/' + kind)).map((i) => String(i.name))
      } catch {
        return []
      }
    }
    const [devices, trunks, accounts, groups, tokens, receptions] = await Promise.all(['devices', 'trunks', 'google-voice', 'groups', 'access-tokens', 'receptions'].map(read))
    this.lists = { ...this.lists, devices: devices!, trunks: trunks!, accounts: accounts!, groups: groups!, tokens: tokens!, receptions: receptions! }
  }
}

export const names = new Names()
