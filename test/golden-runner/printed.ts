import { nn } from '../../src/index.js'
import { python } from './bindings.js'
import { check } from './compare.js'

/** Containers from what PyTorch prints of them: `(0): Linear(in_features=2, ...)`, `(0-1): 2 x ReLU()`, nested by indentation. */

interface Entry {
  /** Names that the line stands for. */
  names: string[]
  text: string
}

/** The children of a printed container: lines that start at its own indentation, with what is nested below them. */
function entries(body: readonly string[]): Entry[] {
  const found: Entry[] = []
  for (const line of body) {
    const start = /^ {2}\(([\w-]+)\): (?:\d+ x )?(.*)$/.exec(line)
    if (start) {
      const range = /^(\d+)-(\d+)$/.exec(start[1])
      const names = range ? Array.from({ length: Number(range[2]) - Number(range[1]) + 1 }, (_, i) => String(Number(range[1]) + i)) : [start[1]]
      found.push({ names, text: start[2] })
    } else {
      const last = found.at(-1)
      check(last !== undefined, `can't read the line '${line}'`)
      last.text += `\n${line.slice(2)}`
    }
  }
  return found
}

export function moduleFromPrint(printed: string): nn.Module {
  const lines = printed.split('\n')
  if (lines.length === 1) {
    const layer = python(`nn.${printed}`)
    check(layer instanceof nn.Module, `${printed} is no module`)
    return layer
  }
  const children = entries(lines.slice(1, -1)).flatMap(({ names, text }) => names.map((name) => [name, moduleFromPrint(text)] as const))
  const kind = lines[0].replace('(', '')
  if (kind === 'Sequential') return new nn.Sequential(...children.map(([, m]) => m as nn.Layer))
  if (kind === 'ModuleList') return new nn.ModuleList(children.map(([, m]) => m))
  check(kind === 'ModuleDict', `don't know how to build a ${kind}`)
  return new nn.ModuleDict(Object.fromEntries(children))
}
