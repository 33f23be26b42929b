import type { List } from './types'

/** A Problem is an answer of the API that says no (RFC 9457), or no answer at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly errors: { location: string; message: string }[] = [],
  ) {
    super(detail || title)
  }
}

let csrf = ''
let signedOut: () => void = () => {}

export function setToken(token: string) {
  csrf = token
}

/** onSignedOut is called whenever the gateway no longer knows the session. */
export function onSignedOut(f: () => void) {
  signedOut = f
}

export interface Answer<T> {
  body: T
  etag: string
}

export interface Options {
  etag?: string
  comment?: string
  signal?: AbortSignal
  idempotent?: boolean
}

/** call sends one request to /api/v1 and throws a Problem unless it succeeds. */
export async function call<T>(method: string, path: string, body?: unknown, o: Options = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (method !== 'GET') headers['X-CSRF-Token'] = csrf
  if (o.etag) headers['If-Match'] = o.etag
  if (o.comment) headers['X-Change-Comment'] = bytes(o.comment)
  if (o.idempotent) headers['Idempotency-Key'] = crypto.getRandomValues(new Uint32Array(4)).join('-')
  let r: Response
  try {
    r = await fetch('/api/v1' + path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: o.signal ?? null,
      credentials: 'same-origin',
      cache: 'no-store',
    })
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e
    throw new Problem(0, 'The gateway does not answer', 'Is it running, and is the network between it and this browser up? The page tries again by itself.')
  }
  if (!r.ok) throw await problemOf(r, path)
  const text = await r.text()
  const json = (r.headers.get('Content-Type') ?? '').includes('json')
  return { body: (json && text ? JSON.parse(text) : text) as T, etag: r.headers.get('ETag') ?? '' }
}

// bytes carries UTF-8 in a header, which a browser takes only as single bytes.
function bytes(s: string): string {
  return String.fromCharCode(...new TextEncoder().encode(s.replace(/[\x00-\x1f]/g, ' ').slice(0, 300)))
}

async function problemOf(r: Response, path: string): Promise<Problem> {
  let title = r.statusText || 'Error ' + r.status
  let detail = ''
  let errors: { location: string; message: string }[] = []
  try {
    const p = await r.json()
    title = p.title ?? title
    detail = p.detail ?? ''
    if (Array.isArray(p.errors)) errors = p.errors.map((e: Record<string, unknown>) => ({ location: String(e.location ?? ''), message: String(e.message ?? '') }))
  } catch {
    // Not JSON: the status says enough.
  }
  if (r.status === 401 && path !== '/session') signedOut()
  return new Problem(r.status, title, detail, errors)
}

export const get = async <T>(path: string, signal?: AbortSignal) => (await call<T>('GET', path, undefined, signal ? { signal } : {})).body
export const post = async <T>(path: string, body?: unknown, o?: Options) => (await call<T>('POST', path, body ?? {}, o)).body
export const put = async <T>(path: string, body: unknown, o?: Options) => (await call<T>('PUT', path, body, o)).body
export const del = async (path: string, o?: Options) => (await call<unknown>('DELETE', path, undefined, o)).body

/** items reads a list; a bare array is one, too. */
export async function items<T>(path: string, signal?: AbortSignal): Promise<T[]> {
  const b = await get<List<T> | T[]>(path, signal)
  return Array.isArray(b) ? b : (b.items ?? [])
}

/** all reads every page of a list of configuration, which is never long. */
export async function all<T>(path: string, tagged?: (etag: string) => void): Promise<T[]> {
  const out: T[] = []
  let after = ''
  for (let page = 0; page < 200; page++) {
    const glue = path.includes('?') ? '&' : '?'
    const { body: b, etag } = await call<List<T> | T[]>('GET', `${path}${glue}limit=1000${after ? '&after=' + encodeURIComponent(after) : ''}`)
    if (!page) tagged?.(etag)
    if (Array.isArray(b)) return b
    out.push(...(b.items ?? []))
    if (!b.next) return out
    after = b.next
  }
  return out
}

export function sentence(e: unknown): string {
  if (e instanceof Problem) return e.detail || e.title
  return e instanceof Error ? e.message : String(e)
}
