import { createMock } from './server.mjs'

/** mock makes `npm run dev` answer /api/v1 itself; TANDEM_URL names a real gateway instead. */
export function mock() {
  return {
    name: 'tandem-mock',
    apply: 'serve',
    config() {
      return process.env.TANDEM_URL ? { server: { proxy: { '/api': process.env.TANDEM_URL } } } : {}
    },
    configureServer(server) {
      if (process.env.TANDEM_URL) return
      const m = createMock({ calls: Number(process.env.MOCK_CALLS ?? 26), fresh: process.env.MOCK_FRESH === '1' })
      server.middlewares.use((req, res, next) => void m.handle(req, res).then((done) => done || next(), next))
    },
  }
}
