/** keepShown keeps the tab of this page on the screen where the row of tabs is wider than that. */
export function keepShown(nav: HTMLElement) {
  const look = () => nav.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
  const seen = new MutationObserver(look)
  seen.observe(nav, { subtree: true, childList: true, attributes: true, attributeFilter: ['aria-current'] })
  look()
  return () => seen.disconnect()
}
