// The page's address is behind the #, so that one file serves every page.

export interface Place {
  path: string[]
  query: URLSearchParams
}

function read(): Place {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2)
  const parts = path.split('/').filter(Boolean)
  return { path: parts.map(decode), query: new URLSearchParams(query) }
}

function decode(s: string): string {
  try {
    return decodeURIComponent(s)
  } catch {
    return s
  }
}

class Router {
  place = $state.raw<Place>(read())
  /** Asked before the page changes; a true answer means that there are unsaved entries. */
  dirty: (() => boolean) | null = null
  private back = location.hash
  private ask: (() => Promise<boolean>) | null = null

  constructor() {
    addEventListener('hashchange', () => void this.changed())
    addEventListener('beforeunload', (e) => {
      if (this.dirty?.()) e.preventDefault()
    })
  }

  /** guard sets who asks whether unsaved entries may be lost. */
  guard(ask: () => Promise<boolean>) {
    this.ask = ask
  }

  private async changed() {
    if (location.hash === this.back) return
    const to = location.hash
    if (this.dirty?.() && this.ask) {
      history.replaceState(null, '', this.back || '#/')
      if (!(await this.ask())) return
      history.replaceState(null, '', to)
    }
    this.dirty = null
    this.back = to
    this.place = read()
  }

  go(to: string) {
    location.hash = to
  }

  /** replace changes the query of the page without a step in the history. */
  replace(query: URLSearchParams) {
    const s = query.toString()
    const to = '#/' + this.place.path.map(encodeURIComponent).join('/') + (s ? '?' + s : '')
    history.replaceState(null, '', to)
    this.back = to
    this.place = read()
  }
}

export const router = new Router()

export function link(...parts: string[]): string {
  return '#/' + parts.map(encodeURIComponent).join('/')
}
