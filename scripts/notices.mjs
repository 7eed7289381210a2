import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const modules = fileURLToPath(new URL('../node_modules', import.meta.url))

/** What the licences of packages ask to travel with code that contains them. */
export const notices = (names) =>
  names
    .map((name) => {
      const { version } = JSON.parse(readFileSync(`${modules}/${name}/package.json`, 'utf8'))
      return `Contains ${name} ${version}:\n\n${readFileSync(`${modules}/${name}/LICENSE`, 'utf8').trim()}`
    })
    .join('\n\n')
