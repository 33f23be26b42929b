// What every page shares: notices, questions, the clock, the theme.

export interface Toast {
  id: number
  kind: 'ok' | 'bad' | 'info'
  text: string
}

class Toasts {
  list = $state<Toast[]>([])
  private next = 1

  say(text: string, kind: Toast['kind'] = 'ok') {
    const id = this.next++
    this.list.push({ id, kind, text })
    if (this.list.length > 4) this.list.shift()
    setTimeout(() => this.drop(id), kind === 'bad' ? 12000 : 5000)
  }
  drop(id: number) {
    this.list = this.list.filter((t) => t.id !== id)
  }
}

export const toasts = new Toasts()

export interface Question {
  title: string
  text: string
  yes: string
  danger?: boolean
  typed?: string
  answer: (yes: boolean) => void
}

class Questions {
  now = $state.raw<Question | null>(null)

  ask(q: Omit<Question, 'answer'>): Promise<boolean> {
    return new Promise((done) => {
      this.now?.answer(false)
      this.now = {
        ...q,
        answer: (yes) => {
          this.now = null
          done(yes)
        },
      }
    })
  }
}

export const questions = new Questions()

class Clock {
  now = $state(Date.now())
  constructor() {
    setInterval(() => {
      if (!document.hidden) this.now = Date.now()
    }, 1000)
  }
}

export const clockNow = new Clock()

export type Theme = 'system' | 'light' | 'dark'

class Look {
  theme = $state<Theme>('system')
  constructor() {
    const saved = localStorage.getItem('tandem-theme')
    if (saved === 'light' || saved === 'dark') this.set(saved)
  }
  set(theme: Theme) {
    this.theme = theme
    if (theme === 'system') {
      delete document.documentElement.dataset.theme
      localStorage.removeItem('tandem-theme')
    } else {
      document.documentElement.dataset.theme = theme
      localStorage.setItem('tandem-theme', theme)
    }
  }
  next() {
    this.set(this.theme === 'system' ? 'light' : this.theme === 'light' ? 'dark' : 'system')
  }
}

export const look = new Look()

let seen = 0
/** uid is an id for a label and its field. */
export function uid(prefix = 'f'): string {
  return `${prefix}${++seen}`
}
