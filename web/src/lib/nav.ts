import type { IconName } from '../ui/Icon.svelte'
import type { Role } from './types'

export interface Entry {
  path: string
  title: string
  icon: IconName
  role?: Role
  more?: string // words the command palette finds it by
}

export const groups: { title: string; entries: Entry[] }[] = [
  {
    title: 'Watch',
    entries: [
      { path: '', title: 'Overview', icon: 'overview', more: 'home dashboard capacity' },
      { path: 'live', title: 'Live view', icon: 'live', more: 'calls now running meetings' },
      { path: 'history', title: 'History', icon: 'history', more: 'past calls records search export' },
      { path: 'replay', title: 'Replay', icon: 'rewind', more: 'past moment then was before at time registrations' },
      { path: 'alarms', title: 'Alarms', icon: 'alarm', more: 'problems' },
    ],
  },
  {
    title: 'Calls',
    entries: [
      { path: 'dial-plan', title: 'Dial plan', icon: 'rules', more: 'rules routing explain test lint' },
      { path: 'groups', title: 'Ring groups', icon: 'groups', more: 'hunt' },
      { path: 'receptions', title: 'Receptions', icon: 'reception', more: 'virtual reception ivr meeting id' },
    ],
  },
  {
    title: 'Connections',
    entries: [
      { path: 'google-voice', title: 'Google Voice', icon: 'voice', more: 'accounts numbers' },
      { path: 'devices', title: 'Devices', icon: 'device', more: 'phones rooms registrations sip' },
      { path: 'trunks', title: 'Trunks', icon: 'trunk', more: 'pbx carrier' },
      { path: 'sip-proxies', title: 'SIP proxies', icon: 'out', more: 'external addresses outbound' },
      { path: 'locations', title: 'Locations', icon: 'place', more: 'networks sites' },
      { path: 'access-tokens', title: 'Access tokens', icon: 'key', more: 'google meet tenants' },
      { path: 'gateway-token', title: 'Gateway token', icon: 'shield', more: 'certificate csr' },
    ],
  },
  {
    title: 'System',
    entries: [
      { path: 'machines', title: 'Machines', icon: 'machines', more: 'nodes cluster drain maintenance' },
      { path: 'settings', title: 'Settings', icon: 'settings', more: 'numbers emergency outbound toll guard limits sip meet' },
      { path: 'versions', title: 'Versions', icon: 'versions', more: 'configuration rollback diff export apply document' },
      { path: 'users', title: 'Users and keys', icon: 'users', role: 'admin', more: 'api keys passwords roles' },
      { path: 'webhooks', title: 'Webhooks', icon: 'webhook', role: 'admin', more: 'events notifications' },
      { path: 'audit', title: 'Audit log', icon: 'audit', role: 'admin', more: 'changes sign-ins' },
    ],
  },
]

export const entries = groups.flatMap((g) => g.entries)
