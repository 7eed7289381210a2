import type { FunctionComponent } from 'preact'
import { useLayoutEffect, useState } from 'preact/hooks'

const all: (() => Promise<void>)[] = []

/** So that every page is there when the network is gone. Where one fails now, whoever asks for it later is told. */
export const fetchTheRest = (): void => void Promise.allSettled(all.map((fetch) => fetch()))

/** A page that is fetched when it is first shown. @param load its import, which a browser does once */
export function later(load: () => Promise<FunctionComponent>): FunctionComponent {
  let Page: FunctionComponent | undefined
  const fetch = async () => {
    Page = await load()
  }
  all.push(fetch)
  return () => {
    const [problem, setProblem] = useState('')
    const [, setReady] = useState(false)
    useLayoutEffect(() => {
      if (Page) return
      fetch().then(
        () => setReady(true),
        (error: Error) => setProblem(error.message),
      )
    }, [])
    if (Page) return <Page />
    return problem ? (
      <div class="lead">
        <h1>This page could not be fetched</h1>
        <p>{problem}</p>
      </div>
    ) : null
  }
}
