// What Google sent back to this page's address, taken out of it at once: it stays in
// no history and goes into no reload.
interface Answer {
  state: string
  code?: string
  error?: string
}

function read(): Answer | null {
  const q = new URLSearchParams(location.search)
  const state = q.get('state')
  const code = q.get('code')
  const error = q.get('error')
  if (!state || !(code || error)) return null
  history.replaceState(null, '', location.pathname + '#/connect')
  return { state, ...(code ? { code } : {}), ...(error ? { error } : {}) }
}

let answer = read()

/** taken is Google's answer, once. */
export function taken(): Answer | null {
  const a = answer
  answer = null
  return a
}

/** returnTo is where Google sends the browser back to. */
export function returnTo(): string {
  return location.origin + '/'
}
