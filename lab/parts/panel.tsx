import type { ComponentChildren } from 'preact'
import { hidden } from '../state/app.js'

/** A part of a page with a heading of its own, which `hide=id` in the address takes away. */
export function Panel(props: { id: string; heading: string; class?: string; aside?: ComponentChildren; children: ComponentChildren }) {
  if (hidden.value.has(props.id)) return null
  return (
    <section class={`panel ${props.class ?? ''}`} id={props.id} aria-labelledby={`${props.id}-heading`}>
      <header>
        <h2 id={`${props.id}-heading`}>{props.heading}</h2>
        {props.aside}
      </header>
      {props.children}
    </section>
  )
}
