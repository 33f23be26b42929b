// Shapes of the HTTP API under /api/v1, as these pages read them. Names are
// those of the configuration file and of call.Record.

export type Severity = 'info' | 'warning' | 'critical'
export type Quality = 'good' | 'ok' | 'bad' | 'terrible' | 'unknown'
export type Role = 'viewer' | 'operator' | 'admin'

export interface Session {
  user: string
  role: Role
  csrf: string
}

export interface Status {
  version: string
  node?: string
  started?: string
  managed?: boolean
  file?: string
  config_version?: number
  sip?: { network: string; addr: string }[]
  counts: {
    calls: number
    legs: number
    meetings: number
    devices: number
    devices_registered: number
    accounts: number
    accounts_registered: number
    trunks: number
    trunks_up: number
    alarms: Record<Severity, number>
  }
  capacity: {
    calls: { used: number; limit: number }
    ports: { used: number; limit: number }
    cpu: { used: number; limit: number }
  }
  series?: { step_s: number; end: string; begun: number[]; failed: number[]; active: number[] }
}

export interface MediaStats {
  packets_in?: number
  packets_out?: number
  bytes_in?: number
  bytes_out?: number
  lost?: number
  late?: number
  dropped?: number
  jitter_ns?: number
  remote_lost?: number
  round_trip_ns?: number
}

export interface Leg {
  id: string
  connector: string
  via?: string
  remote?: string
  codec?: string
  media?: MediaStats
  mos?: number
}

export interface Attempt {
  connector: string
  target?: string
  to: string
  cause: string
  text?: string
}

export interface Call {
  id: string
  node?: string
  began: string
  rang?: string
  answered?: string
  ended?: string
  from: string
  from_name?: string
  to: string
  a: Leg
  b?: Leg
  tried?: Attempt[]
  phase?: string
  cause?: string
  sentence?: string
  text?: string
  path?: string
  talked_ns?: number
  meeting?: string
  meeting_title?: string
}

export interface Stream {
  leg: 'a' | 'b'
  direction: 'in' | 'out'
  kind: 'audio' | 'video' | 'content'
  codec?: string
  state?: string
  layer?: number
  bit_rate?: number
  width?: number
  height?: number
  fps?: number
  packets?: number
  lost?: number
  loss?: number
  jitter_ms?: number
  round_trip_ms?: number
  mos?: number
}

export interface LadderMessage {
  at: string
  leg: 'a' | 'b'
  direction: 'in' | 'out'
  peer?: string
  network?: string
  summary: string
  text?: string
}

export interface Sample {
  at: string
  leg: 'a' | 'b'
  mos?: number
  loss?: number
  jitter_ms?: number
  round_trip_ms?: number
  bit_rate?: number
}

export interface Person {
  name?: string
  muted?: boolean
  no_video?: boolean
  presenting?: boolean
  telephone?: boolean
}

export interface CallDetail extends Call {
  streams?: Stream[]
  pipeline?: string[]
  ladder?: LadderMessage[]
  timeline?: Sample[]
  people?: Person[]
  dropped?: number
  muted?: ('a' | 'b')[]
}

export interface Capture {
  id: string
  call: string
  by: string
  began: string
  until: string
  ended?: string
  state: 'running' | 'over' | 'failed'
  media?: boolean
  octets: number
  left_out?: number
  error?: string
}

export interface Alarm {
  key: string
  severity: Severity
  title: string
  subject?: string
  detail?: string
  do: string
  begin: string
  last?: string
  end?: string
  count?: number
  acknowledged?: { by: string; at: string }
}

export interface TraceStep {
  rule: string
  matched: boolean
  why: string
}

export interface Trace {
  alias?: string
  steps: TraceStep[]
  destinations: { text: string }[]
  error?: string
  sip?: number
  sentence?: string
  text?: string
}

export interface LintFinding {
  rule: string
  severity: Severity
  text: string
}

export interface Difference {
  field: string
  before?: unknown
  after?: unknown
}

export interface Version {
  number: number
  at: string
  author: string
  comment?: string
  undo?: number
  digest?: string
}

export interface Registration {
  key?: string
  device: string
  contact: string
  network: string
  remote: string
  expires: string
  agent?: string
}

export interface PastRegistration {
  id?: string
  device: string
  began: string
  ended?: string
  remote: string
  network?: string
  agent?: string
  reason?: string
}

/** The gateway at a moment of the past. */
export interface Moment {
  at: string
  calls: Call[]
  registrations: PastRegistration[]
  alarms: Alarm[]
  whole: boolean
}

export interface PastSeries {
  from: string
  step_s: number
  begun: number[]
  failed: number[]
  active: number[]
  whole: boolean
}

export interface AccountStatus {
  account: string
  number: string
  state: string
  since: string
  proxy?: string
  until?: string
  next?: string
  problem?: string
  calls: number
}

export interface Meeting {
  id: string
  title?: string
  token?: string
  people?: number
  calls: string[]
}

export type Item = Record<string, unknown>

export interface List<T> {
  items: T[]
  version?: number
  next?: string
}
