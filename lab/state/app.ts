import { computed, signal } from '@preact/signals'
import { formatHash, parseHash, type Route, URL_VERSION } from './url.js'

/** What the whole page shares: where it is, what it says, how it looks. */

export const route = signal<Route>(parseHash(location.hash))
// A page's own changes of the address come back as the same route, which changes nothing.
const follow = () => {
  route.value = parseHash(location.hash)
}
addEventListener('hashchange', follow)
addEventListener('popstate', follow)

/** Goes to an address of the lab. @param replace leaves no step for the back button */
export function go(path: readonly string[], params: Iterable<readonly [string, string]> = [], { replace = false } = {}): void {
  const entries = [...params]
  const keep = route.value.params.get('hide')
  const all = new Map([...(entries.length > 0 ? ([['v', String(URL_VERSION)]] as const) : []), ...entries, ...(keep ? ([['hide', keep]] as const) : [])])
  const hash = formatHash({ path, params: all })
  if (hash === location.hash) return
  if (replace) history.replaceState(null, '', hash)
  else history.pushState(null, '', hash)
  follow()
}

/** Panels that a teacher hides through the address: `hide=code,table`. */
export const hidden = computed(() => new Set((route.value.params.get('hide') ?? '').split(',').filter(Boolean)))

/** What a screen reader is told; the last of several within a moment. */
export const announcement = signal('')
let pending: ReturnType<typeof setTimeout> | undefined
export function announce(text: string): void {
  clearTimeout(pending)
  pending = setTimeout(() => {
    announcement.value = text
  }, 250)
}

export type Theme = 'system' | 'light' | 'dark'
const THEME = 'evenkeel-theme'

function storedTheme(): Theme {
  try {
    const text = localStorage.getItem(THEME)
    return text === 'light' || text === 'dark' ? text : 'system'
  } catch {
    return 'system'
  }
}

export const theme = signal<Theme>(storedTheme())
theme.subscribe((value) => {
  if (value === 'system') document.documentElement.removeAttribute('data-theme')
  else document.documentElement.dataset.theme = value
  try {
    localStorage.setItem(THEME, value)
  } catch {
    // Without storage the choice lasts as long as the page.
  }
})
