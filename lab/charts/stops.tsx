import type { Signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { announce } from '../state/app.js'

interface StopsProps {
  /** What the figure is and shows. */
  label: string
  /** Values at which there is something to read, in order. */
  stops: () => readonly number[]
  at: Signal<number | null>
  /** What is to be read at a value. */
  say: (value: number) => string
  /** Turns a share of the width into a value; without it the pointer leaves the cursor alone. */
  fromShare?: (share: number) => number
  children?: ComponentChildren
}

export const nearest = (values: readonly number[], wanted: number): number | undefined =>
  values.reduce<number | undefined>((best, v) => (best === undefined || Math.abs(v - wanted) < Math.abs(best - wanted) ? v : best), undefined)

/** Lies over a figure and takes the focus: keys, and where it makes sense the pointer, move a cursor, and what is read there is announced. */
export function Stops({ label, stops, at, say, fromShare, children }: StopsProps) {
  const key = (event: KeyboardEvent) => {
    if (event.key === 'Escape') at.value = null
    const values = stops()
    if (values.length === 0) return
    const current = at.value === null ? values.length - 1 : values.indexOf(nearest(values, at.value) ?? values[0])
    const far = Math.max(1, Math.round(values.length / 10))
    const moves: Record<string, number> = {
      ArrowLeft: current - 1,
      ArrowRight: current + 1,
      PageUp: current - far,
      PageDown: current + far,
      Home: 0,
      End: values.length - 1,
    }
    if (!(event.key in moves)) return
    event.preventDefault()
    const next = values[Math.min(values.length - 1, Math.max(0, moves[event.key]))]
    at.value = next
    announce(say(next))
  }
  const point = (event: PointerEvent) => {
    if (!fromShare) return
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect()
    at.value = nearest(stops(), fromShare((event.clientX - left) / width)) ?? null
  }
  return (
    <div
      class={fromShare ? 'cursor-layer pointed' : 'cursor-layer'}
      tabIndex={0}
      role="application"
      aria-roledescription="chart"
      aria-label={`${label} Left and right arrows move along it.`}
      onPointerMove={point}
      onPointerLeave={fromShare && (() => (at.value = null))}
      onKeyDown={key}
    >
      {children}
    </div>
  )
}
