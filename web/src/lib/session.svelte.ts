import { call, get, onSignedOut, post, Problem, setToken } from './api'
import { live } from './live.svelte'
import type { Role, Session } from './types'

const rank: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 }

/** Who is signed in, and whether the gateway still waits for its first user. */
class SessionState {
  user = $state.raw<Session | null>(null)
  needsSetup = $state(false)
  ready = $state(false)
  problem = $state.raw<unknown>(null)

  constructor() {
    onSignedOut(() => this.end())
  }

  async open() {
    this.problem = null
    try {
      this.begin(await get<Session>('/session'))
    } catch (e) {
      if (!(e instanceof Problem) || (e.status !== 401 && e.status !== 403)) {
        this.problem = e
        return
      }
      try {
        this.needsSetup = (await get<{ needed: boolean }>('/setup')).needed
      } catch {
        this.needsSetup = false
      }
    } finally {
      this.ready = true
    }
  }

  begin(s: Session) {
    setToken(s.csrf)
    this.user = s
    this.needsSetup = false
    live.start()
  }

  async signIn(user: string, password: string) {
    this.begin(await post<Session>('/session', { user, password }))
  }

  async setUp(token: string, user: string, password: string) {
    const s = await post<Session | null>('/setup', { token, user, password })
    if (s && s.csrf) this.begin(s)
    else await this.signIn(user, password)
  }

  async signOut() {
    try {
      await call('DELETE', '/session')
    } finally {
      this.end()
    }
  }

  private end() {
    live.stop()
    this.user = null
  }

  may(role: Role): boolean {
    return !!this.user && (rank[this.user.role] ?? 0) >= rank[role]
  }
}

export const session = new SessionState()
