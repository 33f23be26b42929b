import { Problem } from './api'

/** A Load is something fetched: loading, there, or failed. */
export class Load<T> {
  value = $state.raw<T | undefined>(undefined)
  error = $state.raw<unknown>(null)
  busy = $state(false)
  private round = 0
  constructor(private readonly fetcher: (signal: AbortSignal) => Promise<T>) {}

  private stop: AbortController | null = null

  async run(): Promise<void> {
    const mine = ++this.round
    this.stop?.abort()
    this.stop = new AbortController()
    this.busy = true
    try {
      const v = await this.fetcher(this.stop.signal)
      if (mine !== this.round) return
      this.value = v
      this.error = null
    } catch (e) {
      if (mine === this.round && !(e instanceof DOMException && e.name === 'AbortError')) this.error = e
    } finally {
      if (mine === this.round) this.busy = false
    }
  }

  get missing(): boolean {
    return this.error instanceof Problem && this.error.status === 404
  }
}
