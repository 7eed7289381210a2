import type { Command, Option } from './command-line.js'
import { commands } from './options.js'

const columns = (rows: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...rows.map(([left]) => left.length)) + 3
  return rows.map(([left, right]) => `  ${left.padEnd(width)}${wrapped(right, WIDTH - width).join(`\n${' '.repeat(width + 2)}`)}`).join('\n')
}

const WIDTH = 120

/** Lines of whole words, none longer than `width` unless a word is. */
function wrapped(text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1]
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines
}

const optionName = ({ name, value, short }: Option): string => `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`

export function generalHelp(): string {
  return `PyTorch's normalization layers for TypeScript, and what they do to training.

Usage: evenkeel COMMAND [OPTIONS]

Commands:
${columns(commands.map(({ name, summary }) => [`evenkeel ${name}`, summary]))}

Options:
${columns([
  ['-h, --help', 'Show this help, or behind a command that of the command'],
  ['-V, --version', 'Show the version'],
])}

Exit code: 0 if all went well, 1 if something failed, 2 for a wrong command line, 130 if ended by Ctrl-C.
NO_COLOR=1 in the environment turns colours off.
`
}

export function commandHelp({ name, details, argument, options, examples }: Command): string {
  return `Usage: evenkeel ${name}${argument ? ` ${argument}` : ''} [OPTIONS]

${details}

Options:
${columns(options.map((option) => [optionName(option), option.help]))}

Examples:
${examples.map((example) => `  ${example}`).join('\n')}
`
}
