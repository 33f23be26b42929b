import { all, get, items } from './api'
import type { Alarm, Call, Status } from './types'

type Kind = 'call' | 'alarm' | 'registration' | 'config' | 'status'

/**
 * Live keeps what changes by itself: calls, alarms, figures. The gateway's
 * events say what changed; where an event does not carry the thing itself the
 * list is fetched again, at most every two seconds.
 */
class Live {
  status = $state.raw<Status | null>(null)
  /** The running calls. The map is replaced, never changed, at most four times a second. */
  calls = $state.raw<ReadonlyMap<string, Call>>(new Map())
  alarms = $state.raw<Alarm[]>([])
  connected = $state(false)
  loaded = $state(false)
  problem = $state.raw<unknown>(null)
  /** Grows when registrations or states of accounts and trunks change. */
  registrations = $state(0)
  /** The number of the configuration's version, as far as known. */
  config = $state(0)

  private source: EventSource | null = null
  private wait = 1000
  private retry = 0
  private poll = 0
  private changes = new Map<string, Call | null>()
  private due = new Map<string, number>()

  start() {
    if (this.source || this.poll) return
    void this.refresh()
    this.listen()
    this.poll = window.setInterval(() => {
      if (!document.hidden) void this.figures()
    }, 5000)
  }

  stop() {
    this.source?.close()
    this.source = null
    clearTimeout(this.retry)
    clearInterval(this.poll)
    this.poll = 0
    for (const t of this.due.values()) clearTimeout(t)
    this.due.clear()
    this.calls = new Map()
    this.changes.clear()
    this.status = null
    this.alarms = []
    this.connected = this.loaded = false
  }

  private listen() {
    const s = new EventSource('/api/v1/events')
    this.source = s
    s.onopen = () => {
      if (this.wait > 1000) void this.refresh() // something may have been missed
      this.wait = 1000
      this.connected = true
    }
    s.onerror = () => {
      this.connected = false
      if (s.readyState !== EventSource.CLOSED) return // the browser tries again itself
      this.retry = window.setTimeout(() => this.poll && this.listen(), this.wait)
      this.wait = Math.min(this.wait * 2, 30000)
    }
    s.addEventListener('reset', () => void this.refresh()) // events were missed
    for (const kind of ['call', 'alarm', 'registration', 'config', 'status'] as Kind[])
      s.addEventListener(kind, (e) => this.take(kind, (e as MessageEvent<string>).data))
  }

  private take(kind: Kind, text: string) {
    let data: Record<string, unknown>
    try {
      data = JSON.parse(text)
    } catch {
      return
    }
    switch (kind) {
      case 'call':
        return this.takeCall(String(data.type ?? ''), data.call as Call | undefined)
      case 'alarm':
        return this.soon('alarms', () => this.fetchAlarms())
      case 'registration':
        this.registrations++
        return this.soon('status', () => this.figures())
      case 'config':
        this.config = Number(data.version ?? 0) || this.config + 1
        return this.soon('status', () => this.figures())
      case 'status':
        if (data.counts) this.status = data as unknown as Status
    }
  }

  private takeCall(type: string, c?: Call) {
    if (!c?.id || !c.a) return this.soon('calls', () => this.fetchCalls())
    const over = type === 'ended' || (!!c.ended && !c.ended.startsWith('0001'))
    this.changes.set(c.id, over ? null : c)
    this.soon('changes', async () => this.flush(), 250)
  }

  private flush() {
    const next = new Map(this.calls)
    for (const [id, c] of this.changes) {
      if (c) next.set(id, c)
      else next.delete(id)
    }
    this.changes.clear()
    this.calls = next
  }

  private soon(what: string, f: () => Promise<void>, wait = 2000) {
    if (this.due.has(what)) return
    this.due.set(
      what,
      window.setTimeout(() => {
        this.due.delete(what)
        void f().catch(() => {})
      }, wait),
    )
  }

  async refresh() {
    this.problem = null
    try {
      await Promise.all([this.figures(), this.fetchCalls(), this.fetchAlarms()])
      this.loaded = true
    } catch (e) {
      this.problem = e
    }
  }

  private async figures() {
    try {
      this.status = await get<Status>('/status')
      if (this.status.config_version) this.config = this.status.config_version
      if (this.problem) void this.refresh()
    } catch (e) {
      if (!this.status) this.problem = e
    }
  }

  async fetchCalls() {
    const now = await all<Call>('/calls')
    this.calls = new Map(now.map((c) => [c.id, c]))
  }

  async fetchAlarms() {
    this.alarms = await items<Alarm>('/alarms')
  }
}

export const live = new Live()
