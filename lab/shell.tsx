import { useEffect } from 'preact/hooks'
import { AxesPage } from './axes/page.js'
import { fetchTheRest, later } from './parts/later.js'
import { announcement, hidden, route, type Theme, theme } from './state/app.js'
import { novel } from './worker/files.js'

/** SIMD in the smallest module that has it: one function that splats a vector. */
const simd = WebAssembly.validate(
  new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]),
)

/** The front door is there at once; the other pages come when they are asked for, so that each visit loads what it shows. */
const pages = [
  { path: '', label: 'Axes', title: 'Which numbers share a mean?', Page: AxesPage },
  { path: 'lessons', label: 'Lessons', title: 'Predict, then run', Page: later(() => import('./lessons/page.js').then((m) => m.LessonsPage)) },
  { path: 'workbench', label: 'Workbench', title: 'Train it and watch', Page: later(() => import('./workbench/page.js').then((m) => m.WorkbenchPage)) },
  { path: 'studies', label: 'Studies', title: 'One knob over its whole range', Page: later(() => import('./studies/page.js').then((m) => m.StudiesPage)) },
  {
    path: 'experiments',
    label: 'Experiments',
    title: 'What is said, and what is measured',
    Page: later(() => import('./experiments/page.js').then((m) => m.ExperimentsPage)),
  },
  { path: 'advise', label: 'Advise', title: 'Which norm for this network?', Page: later(() => import('./advise/page.js').then((m) => m.AdvisePage)) },
]

/** By then the page that was asked for has come. */
const MS_BEFORE_THE_REST = 1500

/** What is on every page: where one is, where one can go, what computes. */
export function Shell() {
  const name = route.value.path[0] ?? ''
  const page = pages.find(({ path }) => path === name)
  useEffect(() => {
    document.title = page ? `${page.title} · Evenkeel lab` : 'Evenkeel lab'
  }, [page])
  useEffect(() => {
    const timer = setTimeout(() => {
      fetchTheRest()
      // Whoever needs it later is told.
      novel().catch(() => {})
    }, MS_BEFORE_THE_REST)
    return () => clearTimeout(timer)
  }, [])
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('content')?.focus()}>
        Skip to the content
      </button>
      {!hidden.value.has('nav') && (
        <header class="masthead">
          <a class="brand" href="#/" aria-label="Evenkeel lab, start">
            <Keel />
            <span>
              Evenkeel <em>lab</em>
            </span>
          </a>
          <nav aria-label="Pages">
            {pages.map(({ path, label }) => (
              <a key={path} href={`#/${path}`} aria-current={path === name ? 'page' : undefined}>
                {label}
              </a>
            ))}
          </nav>
          <ThemeChoice />
        </header>
      )}
      <main id="content" tabIndex={-1}>
        {!simd ? <NoSimd /> : page ? <page.Page /> : <Nowhere name={name} />}
      </main>
      <footer class="foot">
        <p>
          Every number on this page is computed here, by the library itself: WebAssembly with SIMD
          {crossOriginIsolated ? ', threads where they help' : ', one thread'}. Nothing is sent anywhere.
        </p>
      </footer>
      <div class="visually-hidden" aria-live="polite" role="status" id="live">
        {announcement.value}
      </div>
    </>
  )
}

const NoSimd = () => (
  <div class="lead">
    <h1>This browser can’t run the lab</h1>
    <p>
      Evenkeel computes in WebAssembly with SIMD, which every current browser has (Chrome and Edge from 91, Firefox from 89, Safari from 16.4). This one does
      not.
    </p>
  </div>
)

const Nowhere = ({ name }: { name: string }) => (
  <div class="lead">
    <h1>There is no page “{name}”</h1>
    <p>
      The address may be of another version of the lab. <a href="#/">Start at the front door.</a>
    </p>
  </div>
)

/** Waves that become a level line. */
const Keel = () => (
  <svg class="keel" viewBox="0 0 64 28" aria-hidden="true">
    <path class="wave" d="M2 14c4-14 8-14 12 0s7 10 10 0 5-6 8 0 5 3 8 0h22" />
  </svg>
)

const themes: readonly Theme[] = ['system', 'light', 'dark']
function ThemeChoice() {
  return (
    <label class="theme">
      <span class="visually-hidden">Colours</span>
      <select value={theme.value} onChange={(event) => (theme.value = themes.find((t) => t === event.currentTarget.value) ?? 'system')}>
        <option value="system">System colours</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  )
}
