// Invented, but plausible: calls, records, ladders, alarms. The same seed makes
// the same data, so that screenshots stay the same.

export function random(seed) {
  let s = seed
  return () => {
    s = (s * 1664525 + 1013904223) % 4294967296
    return s / 4294967296
  }
}

const people = ['Front office', 'Sales', 'Workshop', 'Accounts', 'Support', 'Warehouse', 'Research', 'Finance', 'Legal', 'Planning', 'Design', 'Studio', 'Delivery', 'Laboratory', 'Print shop', 'Archive']
const rooms = ['boardroom', 'atrium', 'studio-2', 'lab-east', 'atelier', 'library', 'paris-4', 'oslo-1']
const phones = ['kitchen', 'study', 'workshop', 'reception-desk']
const meetings = [
  ['1234567890123', 'Weekly planning'],
  ['2345678901234', 'Design review'],
  ['3456789012345', 'Board of directors'],
  ['4567890123456', 'Customer call'],
  ['5678901234567', 'All hands'],
  ['6789012345678', 'Incident 4711'],
]

const us = (r) => '+1' + (202 + Math.floor(r() * 600)) + '555' + String(100 + Math.floor(r() * 99)).padStart(4, '0')

function media(r, seconds, grade) {
  const packets = Math.round(seconds * 50)
  const loss = [0.001, 0.015, 0.05, 0.14][grade] * (0.5 + r())
  return {
    packets_in: packets,
    packets_out: packets + Math.round(r() * 20),
    bytes_in: packets * 160,
    bytes_out: packets * 160,
    lost: Math.round(packets * loss),
    dropped: 0,
    jitter_ns: Math.round((2 + grade * 12 + r() * 8) * 1e6),
    remote_lost: Math.round(packets * loss * 0.6),
    round_trip_ns: Math.round((18 + r() * 60) * 1e6),
  }
}
const mos = [4.35, 3.85, 3.2, 2.3]

export function makeCall(r, n, now) {
  const began = now - Math.floor(r() * 40 * 60e3) - 5000
  const grade = r() < 0.8 ? 0 : r() < 0.6 ? 1 : r() < 0.7 ? 2 : 3
  const other = r() < 0.9 ? 0 : 1
  const kind = r()
  const answered = r() < 0.94 ? began + 2000 + Math.floor(r() * 6000) : 0
  const seconds = answered ? Math.max(1, (now - answered) / 1000) : 0
  const id = 'c' + (0x51a3f000 + n).toString(16) + Math.floor(r() * 65535).toString(16)
  const c = { id, node: r() < 0.5 ? 'gw1' : 'gw2', began: new Date(began).toISOString(), rang: new Date(began + 400).toISOString(), phase: answered ? 'active' : 'early' }
  if (answered) c.answered = new Date(answered).toISOString()
  const a = (via, codec) => ({ id: id + 'a', connector: 'sipua', via, remote: `192.0.2.${1 + Math.floor(r() * 250)}:5060`, codec, media: answered ? media(r, seconds, grade) : undefined, mos: answered ? +(mos[grade] - r() * 0.2).toFixed(2) : undefined })
  const b = (connector, via, codec) => ({ id: id + 'b', connector, via, remote: connector === 'gvoice' ? 'voice.telephony.goog:5061' : '203.0.113.9:19305', codec, media: answered ? media(r, seconds, other) : undefined, mos: answered ? +(mos[other] - r() * 0.15).toFixed(2) : undefined })
  if (kind < 0.6) {
    const [pin, title] = meetings[Math.floor(r() * r() * meetings.length)]
    const room = rooms[Math.floor(r() * rooms.length)] + (n >= 60 ? '-' + (n % 97) : '')
    Object.assign(c, { from: room + '@example.com', from_name: r() < 0.5 ? room : people[Math.floor(r() * people.length)], to: pin + '@meet.example.com', meeting: pin, meeting_title: title, a: a(room, 'OPUS'), b: b('meet', 'acme', 'OPUS') })
    c.path = 'RTP OPUS -> jitter 60 ms -> decode -> mixer (3 voices) -> encode OPUS -> SRTP'
  } else if (kind < 0.85) {
    const via = phones[Math.floor(r() * phones.length)]
    Object.assign(c, { from: '+12025550123', from_name: via, to: us(r), a: a(via, 'PCMU'), b: b('gvoice', r() < 0.7 ? 'home' : 'shop', 'PCMU') })
    c.path = 'sipua RTP PCMU -> relay -> gvoice RTP PCMU'
  } else {
    const to = 200 + Math.floor(r() * 60)
    Object.assign(c, { from: us(r), from_name: people[Math.floor(r() * people.length)], to: String(to), a: { ...a('carrier', 'PCMA') }, b: answered ? b('sipua', 'pbx', 'PCMU') : undefined })
    c.path = 'sipua RTP PCMA -> law -> sipua RTP PCMU'
  }
  return c
}

const causes = [
  ['normal', 'The call ended normally.', 62],
  ['cancelled', 'The caller hung up before the call was answered.', 12],
  ['no_answer', 'Nobody answered in time.', 9],
  ['busy', 'The line is busy.', 6],
  ['unavailable', 'A service the call needs is down.', 4],
  ['not_admitted', 'Somebody in the meeting did not let the caller in.', 3],
  ['media_timeout', 'Nothing was heard from the far end for too long.', 2],
  ['barred', 'Calls to this number are barred.', 2],
]

export function makeRecord(r, n, at) {
  const c = makeCall(r, n, at + 60e3)
  let pick = r() * 100
  let cause = causes[0]
  for (const x of causes) {
    if (pick < x[2]) {
      cause = x
      break
    }
    pick -= x[2]
  }
  c.began = new Date(at).toISOString()
  c.rang = new Date(at + 700).toISOString()
  delete c.phase
  c.cause = cause[0]
  c.sentence = cause[1]
  const talks = ['normal', 'media_timeout'].includes(cause[0])
  if (talks) {
    const ms = 20e3 + Math.floor(r() * r() * 50 * 60e3)
    c.answered = new Date(at + 5200).toISOString()
    c.ended = new Date(at + 5200 + ms).toISOString()
    c.talked_ns = ms * 1e6
    for (const l of [c.a, c.b])
      if (l) {
        l.media = media(r, ms / 1000, r() < 0.85 ? 0 : 1 + Math.floor(r() * 3))
        l.mos ??= 4.2
      }
  } else {
    delete c.answered
    c.ended = new Date(at + 9000 + Math.floor(r() * 20e3)).toISOString()
    for (const l of [c.a, c.b]) if (l) delete l.media, delete l.mos
    if (cause[0] === 'unavailable') {
      c.text = 'Service Unavailable'
      c.tried = [{ connector: 'gvoice', target: 'home', to: c.to, cause: 'unavailable', text: '503 Service Unavailable' }, { connector: 'gvoice', target: 'shop', to: c.to, cause: 'unreachable', text: 'the account is not registered' }]
    }
  }
  return c
}

export function evidence(c, now) {
  const r = random(parseInt(c.id.slice(1, 9), 16))
  const t0 = Date.parse(c.began)
  const end = c.ended ? Date.parse(c.ended) : now
  const ladder = []
  const say = (ms, leg, direction, summary, text, network = 'udp') => ladder.push({ at: new Date(t0 + ms).toISOString(), leg, direction, network, peer: network === 'udp' ? '192.0.2.17:5060' : 'meet.example.com', summary, text: text ?? message(summary, c) })
  const joins = (ms, direction, summary, body) => say(ms, 'b', direction, summary, body, 'HTTPS')
  const tells = (ms, direction, summary, body) => say(ms, 'b', direction, summary, JSON.stringify(body, null, 2), 'data channel')
  say(0, 'a', 'in', 'INVITE')
  say(0, 'a', 'out', '401 Unauthorized (INVITE)')
  say(1, 'a', 'in', 'ACK')
  say(2, 'a', 'in', 'INVITE')
  say(3, 'a', 'out', '100 Trying (INVITE)')
  if (c.meeting) {
    joins(4, 'out', `POST /v1/spaces/${c.meeting}:join +sdp`, 'POST /v1/spaces/…:join\nContent-Type: application/json\nAuthorization: Bearer [redacted]\nMeet-Access-Token: [redacted]\n\n{\n  "offer": "v=0\n    a=ice-pwd:[redacted]\n    …",\n  "kind": "ROOM"\n}')
    joins(118, 'in', '200 OK (POST) +sdp', 'HTTP 200 OK\nContent-Type: application/json\n\n{\n  "admission": "LOBBY"\n}')
    tells(301, 'in', 'session-control: sessionStatus, STATE_WAITING', { resources: [{ id: 1, sessionStatus: { connectionState: 'STATE_WAITING' } }] })
    say(302, 'a', 'out', '183 Session Progress (INVITE)')
  } else {
    say(4, 'b', 'out', 'INVITE')
    say(31, 'b', 'in', '100 Trying (INVITE)')
    say(402, 'b', 'in', '183 Session Progress (INVITE)')
    say(403, 'a', 'out', '183 Session Progress (INVITE)')
  }
  if (c.answered) {
    const d = Date.parse(c.answered) - t0
    if (c.meeting) {
      tells(d, 'in', 'session-control: sessionStatus, STATE_JOINED', { resources: [{ id: 1, sessionStatus: { connectionState: 'STATE_JOINED' } }] })
      tells(d + 1, 'in', 'participants: 3 × participant', { resources: [1, 2, 3].map((id) => ({ id, participant: {} })) })
      tells(d + 1, 'out', 'video-assignment: setAssignment', { request: { requestId: 1, setAssignment: {} } })
    } else {
      say(d, 'b', 'in', '200 OK (INVITE)')
      say(d + 1, 'b', 'out', 'ACK')
    }
    say(d + 1, 'a', 'out', '200 OK (INVITE)')
    say(d + 9, 'a', 'in', 'ACK')
    if (c.ended && c.meeting) {
      say(end - t0, 'a', 'in', 'BYE')
      say(end - t0 + 1, 'a', 'out', '200 OK (BYE)')
      tells(end - t0 + 1, 'out', 'session-control: leave', { request: { requestId: 2, leave: {} } })
    } else if (c.ended) {
      say(end - t0, 'b', 'in', 'BYE')
      say(end - t0 + 1, 'b', 'out', '200 OK (BYE)')
      say(end - t0 + 1, 'a', 'out', 'BYE')
      say(end - t0 + 8, 'a', 'in', '200 OK (BYE)')
    }
  } else if (c.ended) {
    const code = { busy: '486 Busy Here', no_answer: '480 Temporarily Unavailable', unavailable: '503 Service Unavailable', barred: '403 Forbidden' }[c.cause] ?? '487 Request Terminated'
    say(end - t0, 'b', 'in', code + ' (INVITE)')
    say(end - t0 + 1, 'b', 'out', 'ACK')
    say(end - t0 + 1, 'a', 'out', code + ' (INVITE)')
    say(end - t0 + 6, 'a', 'in', 'ACK')
  }
  const timeline = []
  if (c.answered) {
    const from = Date.parse(c.answered)
    const step = Math.max(5000, (end - from) / 60)
    let a = c.a.mos ?? 4.2
    let b = c.b?.mos ?? 4.3
    const dip = 0.3 + r() * 0.4
    for (let t = from; t <= end; t += step) {
      const near = Math.exp(-(((t - from) / (end - from + 1) - dip) ** 2) / 0.004)
      const one = (leg, m, rt) => timeline.push({ at: new Date(t).toISOString(), leg, mos: +Math.max(1.2, m - near * 1.5 - r() * 0.1).toFixed(2), loss: +(r() * 0.004 + near * 0.06).toFixed(4), jitter_ms: +(3 + r() * 3 + near * 28).toFixed(1), round_trip_ms: +(rt + r() * 8 + near * 40).toFixed(0) })
      one('a', a, 22)
      timeline.push({ at: new Date(t).toISOString(), leg: 'b', mos: +(b - r() * 0.08).toFixed(2), loss: +(r() * 0.002).toFixed(4), jitter_ms: +(2 + r() * 2).toFixed(1), round_trip_ms: +(38 + r() * 5).toFixed(0) })
    }
  }
  const streams = []
  const both = (leg, l) => {
    if (!l?.media) return
    const m = l.media
    const loss = m.lost / (m.packets_in + m.lost || 1)
    streams.push({ leg, direction: 'in', kind: 'audio', codec: l.codec, bit_rate: l.codec === 'OPUS' ? 32000 : 64000, packets: m.packets_in, lost: m.lost, loss, jitter_ms: m.jitter_ns / 1e6, mos: l.mos })
    streams.push({ leg, direction: 'out', kind: 'audio', codec: l.codec, bit_rate: l.codec === 'OPUS' ? 32000 : 64000, packets: m.packets_out, lost: m.remote_lost, loss: m.remote_lost / (m.packets_out || 1), round_trip_ms: m.round_trip_ns / 1e6 })
    if (c.meeting) {
      streams.push({ leg, direction: 'in', kind: 'video', codec: leg === 'a' ? 'H264' : 'VP8', bit_rate: 1.6e6, width: 1280, height: 720, fps: 30, packets: m.packets_in * 3, lost: m.lost, loss, jitter_ms: m.jitter_ns / 1e6 })
      streams.push({ leg, direction: 'out', kind: 'video', codec: leg === 'a' ? 'H264' : 'VP8', bit_rate: 2e6, width: 1280, height: 720, fps: 30, packets: m.packets_out * 3, lost: 0, loss: 0 })
    }
  }
  both('a', c.a)
  both('b', c.b)
  const pipeline = c.meeting
    ? [`${c.a.via} sends H.264 and Opus`, 'jitter buffer, 60 ms', 'decoded', 'three voices mixed, up to eight pictures composed', 'encoded again: VP8 in three sizes, Opus', 'SRTP to Google Meet']
    : [`${c.a.via} sends ${c.a.codec}`, c.a.codec === c.b?.codec ? 'relayed as it is' : 'converted between A-law and µ-law', `${c.b?.via ?? 'the far side'} gets ${c.b?.codec ?? c.a.codec}`]
  return { ...c, ladder, timeline, streams, pipeline }
}

function message(summary, c) {
  const m = /^(\d{3}) (.*) \((.*)\)$/.exec(summary)
  const first = m ? `SIP/2.0 ${m[1]} ${m[2]}` : `${summary} sip:${c.to.replace(/@.*/, '')}@gw1.example.com SIP/2.0`
  return `${first}\r\nVia: SIP/2.0/UDP 192.0.2.17:5060;branch=z9hG4bK-524287-1---a4e2;rport\r\nFrom: <sip:${c.from}@gw1.example.com>;tag=7c1a\r\nTo: <sip:${c.to.replace(/@.*/, '')}@gw1.example.com>\r\nCall-ID: ${c.id}\r\nCSeq: 1 ${m ? m[3] : summary}\r\nAuthorization: [redacted]\r\nContent-Length: 0\r\n`
}

export function alarms(now) {
  const at = (min) => new Date(now - min * 60e3).toISOString()
  return [
    { key: 'gvoice/shop/registration', severity: 'critical', title: 'Google Voice account is not registered', subject: 'shop', detail: 'the registrar answered 603 Declined; Tandem keeps quiet until it forgets', do: 'Check that the account still has its number and that its refresh token was not revoked; then press Test on its page.', begin: at(14), last: at(2), count: 3 },
    { key: 'gateway-token/expiry', severity: 'warning', title: 'The gateway token runs out soon', detail: 'it is valid for 12 more days', do: 'Make a request on the gateway token page, have it signed and stage the answer.', begin: at(60 * 26), last: at(30), count: 2 },
    { key: 'trunk/carrier/down', severity: 'warning', title: 'Trunk does not answer', subject: 'carrier', detail: 'no answer to OPTIONS for 90 s', do: 'Check the carrier’s address and your firewall; calls go to the next target meanwhile.', begin: at(5), last: at(1), count: 1, acknowledged: { by: 'operator', at: at(3) } },
  ]
}

export function pastAlarms(now) {
  const at = (h) => new Date(now - h * 3600e3).toISOString()
  return [
    { key: 'store/slow', severity: 'warning', title: 'The store is slow', detail: 'call records waited 4 s', do: 'Look at the disk of this machine.', begin: at(30), end: at(29.4), count: 1 },
    { key: 'toll/study', severity: 'critical', title: 'A caller was stopped by the toll guard', subject: 'study', detail: '61 attempts in a minute to +979', do: 'Change the password of the device, and look who used it in the history.', begin: at(52), end: at(51.7), count: 1 },
  ]
}
