import type { IconName } from '../ui/Icon.svelte'
import { layouts, type Layout } from './layouts'
import { at, resolve, type Node } from './schema'
import type { Item } from './types'

/** A Kind is a list of the configuration that has a page of its own. */
export interface Kind {
  api: string
  page: string
  one: string
  many: string
  icon: IconName
  layout: Layout
  node: (root: Node) => Node
  fresh: () => Item
  back?: string
  /** It is no part of the configuration's document: no versions, no file, no pages of a list. */
  apart?: boolean
}

function listed(path: string) {
  return (root: Node) => at(root, path + '.[]')
}

function kind(api: string, one: string, many: string, icon: IconName, path: string, fresh: () => Item = () => ({}), page = api): Kind {
  return { api, page, one, many, icon, layout: layouts[api]!, node: listed(path), fresh }
}

export const kinds = {
  accounts: kind('google-voice', 'Google Voice account', 'Google Voice', 'voice', 'google_voice'),
  tokens: kind('access-tokens', 'access token', 'Access tokens', 'key', 'meet.access_tokens'),
  devices: kind('devices', 'device', 'Devices', 'device', 'sip.devices'),
  trunks: kind('trunks', 'trunk', 'Trunks', 'trunk', 'sip.trunks'),
  proxies: kind('sip-proxies', 'SIP proxy', 'SIP proxies', 'trunk', 'sip.proxies'),
  locations: kind('locations', 'location', 'Locations', 'place', 'locations'),
  rules: kind('rules', 'rule', 'Rules', 'rules', 'dial_plan.rules', () => ({ to: [] }), 'dial-plan/rules'),
  receptions: kind('receptions', 'reception', 'Receptions', 'reception', 'receptions'),
  tests: kind('dial-plan-tests', 'saved test', 'Saved tests', 'test', 'dial_plan.tests', () => ({}), 'dial-plan/tests'),
  groups: {
    ...kind('groups', 'ring group', 'Ring groups', 'groups', 'dial_plan.groups', () => ({ members: [] })),
    // In the document a group is an entry of a map; as a resource it has its name in it.
    node: (root: Node): Node => ({
      type: 'object',
      required: ['name', 'members'],
      properties: {
        name: { type: 'string', description: 'How rules and accounts call it.' },
        members: resolve(root, at(root, 'dial_plan.groups.{}')),
      },
    }),
  } satisfies Kind,
}
