// Hand-made hints for the forms: what belongs together, in which order, and how
// a field is best entered. A field of the schema that no layout names still gets
// its place, under "More".

export type Widget = 'text' | 'mono' | 'lines' | 'number' | 'switch' | 'select' | 'duration' | 'secret' | 'strings' | 'order' | 'targets' | 'names' | 'object' | 'objects' | 'map'

export interface Hint {
  label?: string
  help?: string
  widget?: Widget
  options?: [string, string][] | string[]
  /** kinds of things whose names can be chosen */
  names?: NameKind[]
  placeholder?: string
  wide?: boolean
}

export type NameKind = 'devices' | 'trunks' | 'accounts' | 'groups' | 'tokens' | 'receptions' | 'connectors' | 'locations' | 'proxies'

export interface Section {
  title: string
  text?: string
  fields: string[]
  closed?: boolean
}

export interface Layout {
  sections: Section[]
  fields?: Record<string, Hint>
}

const codecs: Hint = { widget: 'order', label: 'Audio formats', options: ['opus', 'g722', 'pcmu', 'pcma'], help: 'In the order of preference. None chosen: Tandem decides.', wide: true }
const encryptMedia: Hint = {
  label: 'Encryption of media',
  help: '',
  widget: 'select',
  options: [
    ['', 'The best that is offered'],
    ['off', 'None (plain RTP)'],
    ['sdes', 'SDES, nothing less'],
    ['dtls', 'DTLS-SRTP, nothing less'],
  ],
}
const pattern = 'Regular expression (RE2) for the whole of it.'

export const causes: [string, string][] = [
  ['busy', 'Busy'],
  ['no_answer', 'No answer'],
  ['rejected', 'Declined'],
  ['unreachable', 'Unreachable'],
  ['unavailable', 'Service down'],
  ['forbidden', 'Forbidden'],
  ['cancelled', 'Caller hung up'],
  ['invalid_number', 'Not a number'],
  ['congestion', 'A limit was reached'],
  ['no_route', 'No rule leads there'],
  ['unknown_number', 'Unknown number'],
  ['media_timeout', 'Silence for too long'],
  ['network_failure', 'Connection lost'],
  ['transferred', 'Transferred'],
  ['answered_elsewhere', 'Answered elsewhere'],
  ['lost', 'Lost with the gateway'],
  ['media_failed', 'No common media'],
  ['barred', 'Barred'],
  ['quota', 'Quota used up'],
  ['emergency_refused', 'Emergency refused'],
  ['shutdown', 'Shutdown'],
  ['meeting_unknown', 'No such meeting'],
  ['meeting_full', 'Meeting full'],
  ['meeting_over', 'Meeting over'],
  ['not_admitted', 'Not admitted'],
  ['lobby_timeout', 'Nobody admitted'],
  ['video_refused', 'Video refused'],
  ['removed', 'Removed from the meeting'],
  ['credentials_wrong', 'Credentials wrong'],
]

export const layouts: Record<string, Layout> = {
  rules: {
    sections: [
      { title: 'When', text: 'A rule takes a call when all of this is true of it.', fields: ['name', 'priority', 'note', 'off', 'match', 'full_uri', 'from', 'caller'] },
      { title: 'Only callers that', text: 'Further conditions; all of them must hold.', fields: ['registered', 'protocols', 'locations', 'networks', 'caller_tags', 'headers', 'codecs'], closed: true },
      { title: 'Only at these times', text: 'One of the times, and none of the exceptions.', fields: ['when', 'except', 'zone'], closed: true },
      { title: 'Then', fields: ['replace', 'to', 'within', 'tag'] },
      { title: 'If that fails', text: 'What happens when the targets do not take the call.', fields: ['stop_on', 'continue', 'early_media', 'open'], closed: true },
    ],
    fields: {
      name: { help: 'How the record of a call and the explanation call this rule.' },
      priority: { help: '1 to 200, lower is tried first; equal ones as they stand in the list. Left out: before all others.' },
      note: { label: 'Note', help: 'What it is for, for people.' },
      off: { label: 'Skip this rule', help: '' },
      match: { label: 'Number dialled', widget: 'mono', help: pattern + ' Left out: any number.', placeholder: String.raw`\+1202\d{7}`, wide: true },
      from: { label: 'Coming from', widget: 'names', names: ['connectors', 'devices', 'trunks', 'accounts'], help: 'None chosen: from anywhere.', wide: true },
      caller: { label: 'Number of the caller', widget: 'mono', help: pattern + ' Left out: any caller.', wide: true },
      full_uri: { label: 'Match the whole URI', help: 'With scheme and parameters, as it was dialled: sip:anna@example.com;transport=tls.' },
      registered: { label: 'Are registered here', help: '' },
      protocols: { label: 'Call by', widget: 'names', options: [['sip', 'SIP'], ['webrtc', 'WebRTC (SIP over a WebSocket)'], ['gvoice', 'Google Voice'], ['meet', 'Google Meet'], ['h323', 'H.323']], help: 'None chosen: by anything.', wide: true },
      locations: { label: 'Are at', widget: 'names', names: ['locations'], help: 'None chosen: anywhere.', wide: true },
      networks: { label: 'Have an address in', placeholder: '10.1.0.0/16', help: 'Addresses or networks. None: any.', wide: true },
      caller_tags: { label: 'Have one of the tags', placeholder: 'staff', help: 'Of devices. None: any.', wide: true },
      when: { label: 'At', help: 'None: at any time.' },
      except: { label: 'But not at', help: '' },
      zone: { label: 'Time zone', placeholder: 'Europe/Berlin', help: 'Left out: that of the dial plan.' },
      ...Object.fromEntries(
        ['when', 'except'].flatMap((f) => [
          [`${f}[].days`, { label: 'Days', widget: 'names', options: [['mon-fri', 'Mon to Fri'], ['mon', 'Mon'], ['tue', 'Tue'], ['wed', 'Wed'], ['thu', 'Thu'], ['fri', 'Fri'], ['sat', 'Sat'], ['sun', 'Sun']], help: 'None chosen: every day.', wide: true } satisfies Hint],
          [`${f}[].hours`, { label: 'Hours', placeholder: '08:00-18:00', help: '22:00-06:00 lasts into the next day. None: the whole day.' } satisfies Hint],
          [`${f}[].dates`, { label: 'Dates', placeholder: '12-24..12-26', help: 'Without a year: every year. None: any.' } satisfies Hint],
        ]),
      ),
      tag: { label: 'Tag of its calls', help: 'Goes into their records.' },
      replace: { label: 'Number becomes', widget: 'mono', help: '$1 stands for the first group of the match, $0 for all of it. Left out: it stays.', placeholder: '9$0', wide: true },
      to: { label: 'Send the call to', widget: 'targets', help: 'Tried in this order, until one takes the call.', wide: true },
      within: { label: 'Ring each for at most', placeholder: '2m' },
      stop_on: { label: 'Stop trying on', widget: 'names', options: causes, wide: true },
      continue: { label: 'Go on with the rules below', help: 'When every target has failed.' },
      early_media: {
        label: 'Before the answer',
        widget: 'select',
        options: [
          ['', 'Pass what the far end plays'],
          ['pass', 'Pass what the far end plays (said explicitly)'],
          ['block', 'Play our own ringback'],
        ],
      },
      open: { label: 'Unknown callers may call out by this rule', help: 'Careful: whoever finds the gateway can use it.' },
    },
  },
  devices: {
    sections: [
      { title: 'The device', fields: ['name', 'password', 'display', 'caller_id', 'max_calls', 'tag'] },
      { title: 'Audio and video', fields: ['video', 'max_bitrate', 'encrypt', 'codecs'], closed: false },
      { title: 'Peculiarities', text: 'For phones and PBXs that need it.', fields: ['dial', 'digits', 'no_forward', 'remote_party_id'], closed: true },
    ],
    fields: {
      name: { label: 'User name', help: 'What the phone registers as, and how rules call it.', placeholder: 'kitchen' },
      tag: { help: 'Rules can ask for it.', placeholder: 'staff' },
      password: { help: 'Enter the same one into the phone.' },
      display: { label: 'Name that others see', placeholder: 'What the device says' },
      caller_id: { label: 'Number that others see', placeholder: '+12025550123' },
      max_calls: { label: 'Calls at once', help: 'Further calls are busy. 1 turns call waiting off.', placeholder: '4' },
      video: { label: 'Pictures too', help: 'When the other side has some: H.264 and VP8.' },
      max_bitrate: { label: 'Most video', help: 'kbit/s, each way.' },
      encrypt: encryptMedia,
      codecs,
      dial: {
        label: 'Calls to it carry',
        widget: 'select',
        options: [
          ['', 'The name of the device'],
          ['name', 'The name of the device (said explicitly)'],
          ['number', 'The number that was dialled'],
        ],
      },
      digits: { label: 'Keys by INFO', widget: 'select', options: [['', 'As the default says'], ['relay', 'relay'], ['plain', 'plain'], ['none', 'none']], help: 'When telephone-event is not agreed.' },
      no_forward: { label: 'Ignore forwarding that is set on the phone' },
      remote_party_id: { label: 'Show callers by Remote-Party-ID, too' },
    },
  },
  trunks: {
    sections: [
      { title: 'The far side', fields: ['name', 'server', 'peers', 'max_calls'] },
      { title: 'Registration', text: 'When the far side wants to be registered with, or asks for a password.', fields: ['register', 'user', 'auth_user', 'password', 'realm', 'domain'] },
      { title: 'Numbers', fields: ['caller_id', 'plus', 'trusted'] },
      { title: 'Audio and video', fields: ['encrypt', 'codecs', 'video', 'max_bitrate'], closed: true },
      { title: 'Connection', fields: ['qualify', 'roots'], closed: true },
    ],
    fields: {
      server: { help: 'Host, host:port or a SIP URI. Found by DNS as RFC 3263 says.', placeholder: 'pbx.example.com', wide: false },
      peers: { label: 'Its calls come from', help: 'Addresses or networks. Left out: the addresses of the server.', placeholder: '192.0.2.0/28', wide: true },
      register: { label: 'Register there, as a phone would', help: '' },
      caller_id: { label: 'Number that is shown instead of the caller’s' },
      plus: { label: 'Send numbers with their +' },
      trusted: { label: 'Believe and send P-Asserted-Identity' },
      qualify: { label: 'Ask whether it lives, every', help: 'Left out: it is not asked.' },
      roots: { label: 'Root certificates', help: 'A file in PEM: the only ones that are trusted.' },
      encrypt: encryptMedia,
      codecs,
    },
  },
  'google-voice': {
    sections: [
      { title: 'The account', fields: ['name', 'number', 'label', 'profile', 'ring'] },
      { title: 'Credentials', text: 'Of your own OAuth client and your own account. They are kept sealed and never shown again.', fields: ['client_id', 'client_secret', 'refresh_token', 'token_url', 'allow_private', 'token_command'] },
      { title: 'Limits', fields: ['max_calls', 'expires', 'encrypt'], closed: true },
      { title: 'Network', fields: ['registrar', 'proxies', 'connect', 'roots', 'client_cert', 'weak_keys', 'token_first', 'ipv4_only', 'public_ip', 'stun', 'user'], closed: true },
      { title: 'Timing', fields: ['timing'], closed: true },
    ],
    fields: {
      name: { help: 'How rules, records and the log call it.', placeholder: 'home' },
      number: { label: 'Google Voice number', help: 'With + and the country code.', placeholder: '+12025550123' },
      label: { label: 'Device name', help: 'As Google’s settings page shows it.', placeholder: 'Tandem' },
      profile: { help: '', widget: 'select', options: [['', 'voice (default)'], ['voice', 'voice'], ['obihai', 'obihai']] },
      ring: { label: 'When the number is called, ring', widget: 'targets', help: 'Tried in this order. Google’s voicemail takes over at about 25 s.', wide: true },
      client_id: { wide: true },
      allow_private: { label: 'The token URL may be in a private network', help: 'As that of a simulator on this machine is.' },
      token_command: { help: 'A program and its arguments that prints an access token; instead of the three above.', wide: true },
      encrypt: { label: 'Take DTLS-SRTP when it is offered' },
      token_first: { label: 'Token before user and realm' },
      weak_keys: { label: 'Allow a client certificate below 2048 bits' },
      ipv4_only: { label: 'Never use IPv6 for audio' },
      proxies: { wide: true },
      stun: { label: 'STUN servers', wide: true },
      timing: { label: '' },
      'timing.silence': { wide: true },
    },
  },
  'access-tokens': {
    sections: [{ title: 'The token', fields: ['name', 'secret', 'tenant', 'trusted'] }],
    fields: {
      name: { help: 'How rules and the log call it.', placeholder: 'acme' },
      secret: { label: 'Token', help: 'The interoperability token from the organisation’s admin console.' },
      tenant: { label: 'Organisation', help: 'Whose token it is, for people.' },
      trusted: { label: 'Its devices join without being admitted', help: 'As the organisation’s admin console says.' },
    },
  },
  receptions: {
    sections: [
      { title: 'The reception', fields: ['name', 'aliases', 'token'] },
      { title: 'What is typed', fields: ['match', 'replace', 'post_match', 'post_replace'] },
      { title: 'What callers see and hear', fields: ['title', 'notice', 'sounds'] },
      { title: 'Patience', fields: ['no_input', 'between', 'total', 'tries'], closed: true },
      { title: 'Guard', text: 'Against those who try meeting IDs.', fields: ['guard'], closed: true },
    ],
    fields: {
      aliases: { label: 'Dialled as', help: 'Looked at before any rule.', placeholder: '8000', wide: true },
      token: { label: 'Access token', widget: 'names', names: ['tokens'], help: 'To look IDs up with. None: what is typed is dialled.' },
      match: { label: 'What is typed must be', widget: 'mono', help: pattern + ' Left out: anything.' },
      replace: { label: 'What is looked up', widget: 'mono', help: String.raw`\1 or $1 is the first group.` },
      post_match: { label: 'The ID that was found must be', widget: 'mono', help: pattern },
      post_replace: { label: 'What is dialled', widget: 'mono', help: 'As if the caller had dialled it.' },
      title: { label: 'Title on the screen', placeholder: 'Join a meeting' },
      notice: { label: 'Line below it', placeholder: 'Type the meeting ID, then the pound key' },
      sounds: { label: 'Your own sentences', help: 'WAV files, by what they say.', wide: true },
      no_input: { label: 'Without any key' },
      between: { label: 'From one key to the next' },
      total: { label: 'Altogether' },
      guard: { label: '' },
      'guard.wrong': { label: 'Wrong IDs' },
      'guard.block': { label: 'Turned away for' },
      'guard.off': { label: 'Turn the guard off' },
    },
  },
  groups: {
    sections: [{ title: 'The group', text: 'All of them ring at once; the first to answer takes the call.', fields: ['name', 'members'] }],
    fields: {
      members: { label: 'Who rings', widget: 'targets', wide: true },
    },
  },
  'dial-plan-tests': {
    sections: [{ title: 'The test', text: 'Run at every change of the configuration. A change that breaks it is refused.', fields: ['name', 'from', 'to', 'caller', 'expect'] }, { title: 'Circumstances', text: 'For rules that ask for them.', fields: ['location', 'source', 'protocol', 'at', 'headers', 'codecs'], closed: true }],
    fields: {
      from: { label: 'Coming in by', widget: 'names', names: ['devices', 'trunks', 'accounts'], help: 'None chosen: a caller nobody knows.', wide: true },
      to: { label: 'Number dialled' },
      caller: { label: 'Number of the caller', help: 'Left out: that of the device.' },
      location: { label: 'The caller is at', widget: 'names', names: ['locations'], help: 'None chosen: what follows from its address.' },
      source: { label: 'Address of the caller', placeholder: '198.51.100.7' },
      protocol: { label: 'Calls by', widget: 'select', options: [['', 'What it comes in by has'], ['sip', 'SIP'], ['webrtc', 'WebRTC'], ['gvoice', 'Google Voice'], ['meet', 'Google Meet'], ['h323', 'H.323']], help: '' },
      at: { label: 'At', placeholder: '2026-12-24 10:00', help: 'In the time zone of the dial plan. Left out: rules with times do not hold.' },
      expect: { label: 'Must lead to', help: 'Targets in order, such as “trunk pbx as 9200, account home”; or “refused”, or “refused” and the cause.', widget: 'mono', wide: true },
    },
  },
  locations: {
    sections: [{ title: 'The location', fields: ['name', 'note', 'networks', 'nodes', 'proxy'] }],
    fields: {
      name: { help: 'How rules and explanations call it.', placeholder: 'office' },
      note: { help: 'What it is for, for people.' },
      networks: { label: 'Callers with an address in', help: 'Of two networks that fit, the smaller one counts.', placeholder: '198.51.100.0/24', wide: true },
      nodes: { label: 'Machines that are there', help: 'Callers in nobody’s network are where the machine is that takes their call.', placeholder: 'gw1', wide: true },
      proxy: { label: 'SIP proxy', widget: 'names', names: ['proxies'], help: 'For calls from there to SIP addresses elsewhere. None: the DNS finds them.', wide: true },
    },
  },
  'sip-proxies': {
    sections: [
      { title: 'The proxy', fields: ['name', 'note', 'address', 'port', 'transport', 'allow_private'] },
      { title: 'When it asks who we are', fields: ['user', 'password', 'realm'] },
      { title: 'Security', fields: ['encrypt', 'roots'], closed: true },
    ],
    fields: {
      name: { help: 'How targets and locations call it.', placeholder: 'edge' },
      note: { help: 'What it is for, for people.' },
      address: { help: 'Host name or address.', placeholder: 'edge.example.com' },
      port: { placeholder: 'As the DNS says', help: '' },
      transport: { widget: 'select', options: [['', 'TLS (default)'], ['tls', 'TLS'], ['tcp', 'TCP'], ['udp', 'UDP']], help: '' },
      allow_private: { label: 'It may be in a private network', help: '' },
      realm: { help: 'The only realm the password is given to. Left out: the address.' },
      encrypt: encryptMedia,
      roots: { label: 'Root certificates', help: 'A file in PEM: the only ones that are trusted.' },
    },
  },
  webhooks: {
    sections: [{ title: 'The webhook', fields: ['name', 'url', 'events', 'secret', 'enabled', 'allow_private'] }],
    fields: {
      url: { label: 'Address', placeholder: 'https://example.com/hooks/tandem', wide: true },
      events: { help: 'None chosen: all.', widget: 'names', options: ['call.began', 'call.answered', 'call.ended', 'alarm.raised', 'alarm.cleared', 'registration.changed', 'config.changed'], wide: true },
      secret: { help: 'Signs every delivery (HMAC-SHA256), so that the receiver can tell it is ours. 16 characters or more.' },
      enabled: { label: 'Send to it' },
      allow_private: { label: 'Allow addresses of the own network', help: 'Private and loopback addresses are refused otherwise.' },
    },
  },
  numbers: {
    sections: [{ title: 'Numbers as they are dialled', fields: ['country', 'area', 'international', 'off'] }],
    fields: {
      country: { label: 'Country code', placeholder: '1' },
      area: { label: 'Area code', help: 'Completes seven digits. Left out: they stay as they are.' },
      international: { label: 'Prefix before a country code', placeholder: '011' },
      off: { label: 'Leave every number as it was dialled' },
    },
  },
  emergency: {
    sections: [{ title: 'Emergency numbers', text: '911, 933, 112 and 999 always are. They never go to Google Voice.', fields: ['numbers', 'to'] }],
    fields: {
      numbers: { label: 'More emergency numbers', placeholder: '110', wide: true },
      to: { label: 'Send them to', widget: 'targets', help: 'Trunks or devices. Without one the caller gets a clear refusal at once.', wide: true },
    },
  },
  outbound: {
    sections: [{ title: 'Calls to telephone numbers', text: 'Where numbers go that devices dial and no rule knows.', fields: ['outbound', 'targets', 'to', 'items'] }],
    fields: Object.fromEntries(['outbound', 'targets', 'to', 'items'].map((f) => [f, { label: 'Tried in this order', widget: 'targets', wide: true } satisfies Hint])),
  },
  'toll-guard': {
    sections: [
      { title: 'Limits of every caller', text: 'What a stolen password or a hacked phone can cost. Only calls to telephone networks count; emergency calls never do.', fields: ['per_minute', 'at_once', 'burst', 'stop'] },
      { title: 'Destinations', fields: ['barred', 'allowed'] },
      { title: 'Exceptions', text: 'Other limits for one device, trunk or account.', fields: ['callers'] },
      { title: 'Switch', fields: ['off'], closed: true },
    ],
    fields: {
      per_minute: { label: 'Calls begun in a minute', help: 'Trunks: no limit. Negative: none.', placeholder: '30' },
      at_once: { label: 'Calls at the same time', help: 'Trunks: no limit. Negative: none.', placeholder: '10' },
      burst: { label: 'Attempts in a minute that stop the caller', help: 'Refused ones too. Left out: twice the calls in a minute.' },
      stop: { label: 'Stopped for', placeholder: '15m' },
      barred: { label: 'Nobody may call', help: 'Beginnings of numbers. “+” bars every complete number.', wide: true },
      allowed: { label: 'Except', help: 'The longest match of both lists counts.', wide: true },
      callers: { label: '', wide: true },
      off: { label: 'Turn the guard off', help: 'A stolen password can then cost a fortune.' },
    },
  },
  sip: {
    sections: [
      { title: 'This gateway', fields: ['domains', 'realm', 'digest', 'guests'] },
      { title: 'Registrations', fields: ['register'] },
      { title: 'Guard', text: 'Against those who try passwords.', fields: ['guard'] },
      { title: 'Calls', fields: ['session_timer', 'media_timeout'] },
      { title: 'Where it listens', text: 'Changes take effect with the next start.', fields: ['listen'], closed: true },
    ],
    fields: {
      domains: { label: 'Host names that are this gateway', help: 'Its addresses always are.', wide: true },
      digest: { label: 'Digest algorithms', widget: 'order', options: ['md5', 'sha-256'], help: 'Many phones fail when they are offered one they do not know.' },
      guests: { label: 'Take calls from callers nobody knows', help: 'Rules that are open decide where they may go.' },
      register: { label: '' },
      'register.min': { label: 'Shortest' },
      'register.max': { label: 'Longest' },
      'register.default': { label: 'When a device does not say', help: '' },
      'register.contacts': { label: 'Contacts of one device' },
      'register.qualify': { label: 'Look after them every', help: 'Keeps a NAT open, and notices a device that is gone.' },
      guard: { label: '' },
      'guard.failures': { label: 'Wrong passwords' },
      'guard.block': { label: 'No answer for' },
      'guard.off': { label: 'Turn the guard off' },
      'listen[].addr': { label: 'Address' },
      'listen[].cert': { label: 'Certificate' },
      session_timer: { help: 'Asked of phones (RFC 4028).' },
      media_timeout: { label: 'Silence that ends a call' },
      listen: { label: '', wide: true },
    },
  },
  meet: {
    sections: [
      { title: 'Google Meet', fields: ['edge', 'roots', 'gateway_token'] },
      { title: 'Joining', fields: ['lobby', 'join', 'notice'] },
      { title: 'Media', fields: ['bitrate', 'content', 'audios', 'videos', 'port_min', 'port_max'], closed: true },
    ],
    fields: {
      edge: { label: 'Address of the edge', placeholder: 'https://meet.example.com', wide: true },
      gateway_token: { label: 'Folder of the gateway token' },
      lobby: { label: 'Wait in the lobby for at most' },
      join: { label: 'Joining may take' },
      notice: { label: 'Show a refusal for' },
      bitrate: { label: 'Most audio and camera (bit/s)' },
      content: { label: 'Most shared screen (bit/s)' },
      audios: { label: 'Voices at once' },
      videos: { label: 'Pictures at once' },
    },
  },
  'dial-plan': {
    sections: [{ title: 'The dial plan as a whole', fields: ['zone'] }],
    fields: { zone: { label: 'Time zone', help: 'Of rules that have times. Left out: the machine’s.', placeholder: 'Europe/Berlin' } },
  },
  retention: {
    sections: [{ title: 'How long things are kept', text: 'What is older is removed, on every machine. Evidence of calls has a time of its own.', fields: ['calls', 'alarms', 'audit', 'registrations', 'dead_letters'] }],
    fields: {
      calls: { label: 'Records of calls', help: 'Left out: for ever.', placeholder: 'for ever' },
      alarms: { label: 'Alarms that are over', placeholder: '90d', help: '' },
      audit: { label: 'The audit log', placeholder: '400d', help: '' },
      registrations: { label: 'Registrations of phones', placeholder: '90d', help: '' },
      dead_letters: { label: 'What webhooks never took', placeholder: '30d', help: '' },
    },
  },
  oidc: {
    sections: [
      { title: 'OpenID Connect', text: 'People sign in with their accounts of another provider. Passwords of this gateway go on working.', fields: ['issuer', 'label', 'client_id', 'client_secret', 'redirect_url'] },
      { title: 'Who may do what', fields: ['domains', 'groups_claim', 'roles', 'role'] },
      { title: 'More', fields: ['scopes', 'roots', 'allow_private'], closed: true },
    ],
    fields: {
      issuer: { label: 'Provider', help: 'As it names itself.', placeholder: 'https://accounts.example.com', wide: true },
      label: { label: 'On the button', placeholder: 'Example Inc.' },
      redirect_url: { label: 'Where it sends people back to', help: 'This gateway as browsers reach it, with /api/v1/oidc/callback. The provider has to know it.', placeholder: 'https://gateway.example.com/api/v1/oidc/callback', wide: true },
      client_secret: { help: 'None: a public client.' },
      domains: { label: 'Only e-mail addresses of', placeholder: 'example.com', help: 'Verified ones. None: any.', wide: true },
      groups_claim: { label: 'Claim that lists a person’s groups', placeholder: 'groups' },
      roles: { label: 'Groups that are', help: 'Groups of the provider, by the role they have here: admin, operator, viewer.', wide: true },
      role: { label: 'Everybody else is', widget: 'select', options: [['', 'Refused'], ['viewer', 'Viewer'], ['operator', 'Operator'], ['admin', 'Administrator']], help: '' },
      scopes: { label: 'Asked for besides openid', wide: true },
      allow_private: { label: 'The provider may be in a private network', help: '' },
      roots: { label: 'Root certificates', help: 'A file in PEM: the only ones that are trusted.' },
    },
  },
  machine: { sections: [{ title: 'This machine', fields: ['node', 'store', 'key_file', 'http', 'managed', 'web', 'cluster', 'capture', 'tracing', 'log', 'limits', 'media'] }] },
  alarms: {
    sections: [{ title: 'Who is told of alarms', text: 'Besides the log, these pages and webhooks.', fields: ['mail'] }],
    fields: { 'mail.server': { help: 'Host, or host:port. Left out: no mails.' }, 'mail.tls': { label: 'TLS', widget: 'select', options: [['', 'STARTTLS (default)'], ['starttls', 'STARTTLS'], ['implicit', 'Implicit'], ['none', 'None: only for a server on this machine']], help: '' }, 'mail.min_severity': { label: 'From this severity on', widget: 'select', options: ['info', 'warning', 'critical'], help: '' }, 'mail.to': { wide: true } },
  },
  evidence: {
    sections: [{ title: 'Evidence of calls', text: 'SIP messages and measurements, kept without secrets, so that a call can be looked into afterwards.', fields: ['store', 'keep'] }],
    fields: { store: { label: 'Keep that of', widget: 'select', options: [['', 'Calls that failed or sounded bad (default)'], ['failed', 'Calls that failed or sounded bad'], ['all', 'All calls'], ['none', 'No call']], help: '' }, keep: { label: 'For' } },
  },
  limits: {
    sections: [{ title: 'Limits', text: 'What this gateway may carry.', fields: ['calls', 'ports', 'cpu'] }],
    fields: {
      calls: { label: 'Calls at once', help: 'Further ones are refused with 503.' },
      ports: { label: 'Legs at once', help: 'Each call takes two. Left out: no limit.' },
      cpu: { label: 'Share of the processors', help: '0.1 to 1. From this share on calls are refused, until it is 0.1 lower.' },
    },
  },
}
