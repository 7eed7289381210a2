import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileError, readFile } from '../io/node.js'
import { ResultFolder } from './folder.js'
import type { Output } from './terminal.js'

export interface DrawSettings {
  /** Of the lab. */
  address: string
  out: string | null
  steps: number
  /** A file, or a folder of images, of one's own. */
  data: string | null
  force: boolean
}

/** A file as the lab takes it: where it lies tells the class of an image. */
interface OwnFile {
  path: string
  contents: Blob
}

/** What the lab's own module for drawing gives, `lab/draw.ts`; it is built beside the page. */
interface Drawer {
  draw(
    address: string,
    options: { steps: number; own?: OwnFile[]; signal: AbortSignal; onProgress: (share: number, text: string) => void },
  ): Promise<{ drawings: { name: string; svg: string; csv: string }[]; notes: string[] }>
}

const LIKELY_BYTES = 500_000
const MS_BETWEEN_LINES = 100

/**
 * Writes the figures of an address of the lab, as SVG and CSV, with the code that draws them in the page.
 * @throws FileError where the folder can't be written
 */
export async function runDraw({ address, out, steps, data, force }: DrawSettings, stdout: Output, stderr: Output, signal: AbortSignal): Promise<void> {
  const module = new URL('../lab/draw.js', import.meta.url)
  if (!fs.existsSync(fileURLToPath(module))) throw new FileError(`the lab is not in this package: ${fileURLToPath(module)} is missing`)
  const own = data === null ? undefined : ownFiles(data)
  const folder = ResultFolder.prepare(out, { force, bytes: LIKELY_BYTES, now: new Date(), mayHold: () => false })
  try {
    const { draw }: Drawer = await import(module.href)
    let told = 0
    const { drawings, notes } = await draw(address, {
      steps,
      own,
      signal,
      onProgress: (share, text) => {
        if (stderr.isTTY !== true || performance.now() - told < MS_BETWEEN_LINES) return
        told = performance.now()
        stderr.write(`\r\x1b[K${Math.round(100 * share)}% ${text}`)
      },
    })
    if (told > 0) stderr.write('\r\x1b[K')
    for (const note of notes) stderr.write(`${note}\n`)
    const files = drawings.flatMap(({ name, svg, csv }) => [folder.write(`${name}.svg`, svg), folder.write(`${name}.csv`, csv)])
    stdout.write(`Written to ${path.relative('', folder.path) || '.'}: ${files.map((file) => path.basename(file)).join(', ')}\n`)
  } catch (error) {
    folder.remove()
    throw error
  }
}

/** A file, or all files of a folder that are not hidden, by their paths in it. */
function ownFiles(given: string): OwnFile[] {
  const read = (file: string): OwnFile => ({
    path: path.relative(isFolder ? given : path.dirname(given), file),
    contents: new Blob([Uint8Array.from(readFile(file))]),
  })
  const isFolder = fs.statSync(given, { throwIfNoEntry: false })?.isDirectory() === true
  if (!isFolder) return [read(given)]
  const names = fs.readdirSync(given, { recursive: true, encoding: 'utf8' }).filter((name) => !name.split(path.sep).some((part) => part.startsWith('.')))
  return names
    .map((name) => path.join(given, name))
    .filter((file) => fs.statSync(file).isFile())
    .map(read)
}
