import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { announce } from '../state/app.js'
import { Panel } from './panel.js'

/** The same thing written twice. */
export interface Code {
  torch: string
  evenkeel: string
}

type Language = keyof Code
const languages: Readonly<Record<Language, string>> = { torch: 'PyTorch', evenkeel: 'Evenkeel' }
const shown = signal<Language>('torch')

/** The lines for what is on the screen, ready to paste. */
export function CodePane({ code, heading = 'The same in code', children }: { code: Code; heading?: string; children?: ComponentChildren }) {
  const language = shown.value
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(code[language])
      announce(`${languages[language]} code copied`)
    } catch {
      announce('The browser does not allow copying: select the lines instead')
    }
  }
  return (
    <Panel id="code" heading={heading} class="code">
      <div class="bar">
        <div class="segments" role="group" aria-label="Language">
          {(Object.keys(languages) as Language[]).map((name) => (
            <button type="button" key={name} aria-pressed={name === language} onClick={() => (shown.value = name)}>
              {languages[name]}
            </button>
          ))}
        </div>
        <button type="button" class="quiet" onClick={copy}>
          Copy
        </button>
      </div>
      <pre tabIndex={0} role="region" aria-label={`${languages[language]} code`}>
        <code>{highlighted(code[language], language)}</code>
      </pre>
      {children}
    </Panel>
  )
}

/** Comments, strings, numbers and a few words stand out. */
function highlighted(text: string, language: Language) {
  const comment = language === 'torch' ? '#.*' : '//.*'
  const words = language === 'torch' ? 'import|from|for|in|with|as|if|def|class|return' : 'import|from|const|let|new|for|of|if|function|class|return|await'
  const pattern = new RegExp(`(?<comment>${comment})|(?<string>'[^']*'|"[^"]*")|(?<word>\\b(?:${words})\\b)|(?<number>\\b\\d[\\d.e_-]*\\b)`, 'g')
  const parts = []
  let end = 0
  for (const match of text.matchAll(pattern)) {
    const kind = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined)?.[0]
    parts.push(
      text.slice(end, match.index),
      <span class={`code-${kind}`} key={match.index}>
        {match[0]}
      </span>,
    )
    end = match.index + match[0].length
  }
  parts.push(text.slice(end))
  return parts
}
