/**
 * Draws one picture a frame, and only what can be seen, so that no number of charts holds up the page: what waits is drawn in turn, each with its
 * latest contents.
 */
const waiting = new Map<Element, () => string>()
const visible = new WeakSet<Element>()
let scheduled = false

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) visible.add(target)
      else visible.delete(target)
    }
    schedule()
  },
  { rootMargin: '120px' },
)

function schedule(): void {
  if (scheduled) return
  scheduled = true
  requestAnimationFrame(next)
}

function next(): void {
  scheduled = false
  for (const [element, markup] of waiting) {
    if (!visible.has(element)) continue
    waiting.delete(element)
    element.innerHTML = markup()
    if ([...waiting.keys()].some((other) => visible.has(other))) schedule()
    return
  }
}

export const watchElement = (element: Element): (() => void) => {
  observer.observe(element)
  return () => {
    observer.unobserve(element)
    waiting.delete(element)
  }
}

/** @param markup of trusted text, made when the element's turn comes */
export function drawSoon(element: Element, markup: () => string): void {
  waiting.set(element, markup)
  schedule()
}
