// The real gateway with the simulated edges of Google around it, for stories that
// shall not depend on a stand-in: TANDEM names the program, default ../tandem.
import { spawn } from 'node:child_process'
import { createWriteStream, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { patience } from './stage.mjs'

const program = resolve(process.env.TANDEM ?? new URL('../../tandem', import.meta.url).pathname)

/** A Program runs until stop, and keeps what it says. */
class Program {
  text = ''
  #waiting = new Set()
  constructor(args, { cwd, log, env = {} }) {
    this.name = args[0]
    this.child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    const file = createWriteStream(log)
    for (const s of [this.child.stdout, this.child.stderr]) {
      s.setEncoding('utf8')
      s.on('data', (t) => {
        this.text += t
        file.write(t)
        for (const look of this.#waiting) look()
      })
    }
    this.gone = new Promise((done) => this.child.once('close', (code) => {
      file.end()
      this.code = code ?? -1
      for (const look of this.#waiting) look()
      done(this.code)
    }))
  }
  /** says waits until the program has said what, and returns the match. */
  says(what) {
    return new Promise((done, fail) => {
      const end = (f, x) => {
        clearTimeout(timer)
        this.#waiting.delete(look)
        f(x)
      }
      const look = () => {
        const m = what.exec(this.text)
        if (m) end(done, m)
        else if (this.code !== undefined) end(fail, new Error(`tandem ${this.name} ended with ${this.code}: ${this.text.slice(-2000)}`))
      }
      const timer = setTimeout(() => end(fail, new Error(`tandem ${this.name} did not say ${what} within ${patience / 1000} s: ${this.text.slice(-2000)}`)), patience)
      this.#waiting.add(look)
      look()
    })
  }
  async stop() {
    if (this.code === undefined) this.child.kill('SIGTERM')
    return this.gone
  }
}

/** until asks again and again until f gives something. */
export async function until(what, f) {
  const end = Date.now() + patience
  for (let last; ; ) {
    try {
      const got = await f()
      if (got) return got
    } catch (e) {
      last = e
    }
    if (Date.now() > end) throw new Error(`${what}: not within ${patience / 1000} s${last ? '; ' + last.message : ''}`)
    await new Promise((done) => setTimeout(done, 100))
  }
}

/** gateway starts the simulators and a gateway without any user, in a folder of their own. */
export async function gateway() {
  if (!existsSync(program)) throw new Error(`there is no gateway at ${program}; make it with: make build`)
  const dir = mkdtempSync(join(tmpdir(), 'tandem-story-'))
  const roots = { voice: join(dir, 'voice-ca.pem'), meet: join(dir, 'meet-ca.pem') }
  const running = []
  const stop = async () => {
    for (const p of running.reverse()) await p.stop()
    rmSync(dir, { recursive: true, force: true })
  }
  const start = (name, args, env) => {
    const p = new Program(args, { cwd: dir, log: join(dir, name + '.log'), env })
    running.push(p)
    return p
  }
  try {
    const zero = ['sip', 'control', 'token', 'media', 'meet-edge', 'meet-control', 'meet-media'].flatMap((f) => [`--${f}`, '0'])
    const sim = start('sim', ['sim', ...zero, '--ca', roots.voice, '--meet-ca', roots.meet])
    const voice = (await sim.says(/SIP over TLS\s+([\d.:]+)/))[1]
    const control = (await sim.says(/control endpoint\s+(http:\S+)\/state/))[1]
    const edge = (await sim.says(/Google Meet\s+edge (https:[^,\s]+)/))[1]
    const meetControl = (await sim.says(/control endpoint\s+(http:\S+) is a page/))[1]
    const file = {
      managed: true,
      http: '127.0.0.1:0',
      capture: true,
      node: 'gw1',
      media: { bind: '127.0.0.1' },
      sip: { listen: [{ network: 'udp', addr: '127.0.0.1:0' }] },
      evidence: { store: 'all' },
    }
    writeFileSync(join(dir, 'tandem.yaml'), JSON.stringify(file))
    const g = start('gateway', ['serve', '-c', 'tandem.yaml'])
    const sip = (await g.says(/listening for SIP" network=udp addr=(\S+)/))[1]
    const [, url, setup] = await g.says(/(http:\/\/[^/]+\/)#\/setup\?token=([\w-]+)/)
    return {
      url, setup, sip, dir, roots,
      voice: { connect: voice, control, token_url: control + '/oauth2/v3/token' },
      meet: { edge, control: meetControl },
      /** phone is a SIP phone that calls to, or waits for a call. */
      phone: (user, password, to, ...more) => start('phone-' + user, ['call', '--server', sip, '--user', user, '--limit', '120s', ...more, ...(to ? [to] : [])], { TANDEM_CALL_PASSWORD: password }),
      stop,
    }
  } catch (e) {
    await stop()
    throw e
  }
}
