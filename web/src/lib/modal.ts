/**
 * modal opens a dialog and gives the focus back to where it was when the dialog goes, or to
 * the page's title when that is not there any more. The browser keeps the focus inside.
 */
export function modal(dialog: HTMLDialogElement) {
  const before = document.activeElement
  dialog.showModal()
  return {
    destroy() {
      dialog.close()
      const to = before instanceof HTMLElement || before instanceof SVGElement ? before : null
      // An answer may change the page, and with it what there is to return to.
      setTimeout(() => {
        if (document.querySelector('dialog[open]')) return
        const lost = !document.activeElement || document.activeElement === document.body
        if (!lost) return
        if (to?.isConnected && to !== document.body) to.focus()
        else document.getElementById('page-title')?.focus({ preventScroll: true })
      })
    },
  }
}
