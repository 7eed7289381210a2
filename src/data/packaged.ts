import { ValueError } from '../core/errors.js'

/**
 * Reads a file that comes with the package: over the network in a page, from the disk where the package itself lies there.
 * @throws ValueError that says from where and why not
 */
export async function readPackaged(source: string | URL): Promise<Uint8Array> {
  try {
    return isOnDisk(source) ? await readFromDisk(source) : await fetchBytes(source)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ValueError(`can't read ${source}: ${why}`, { cause: error })
  }
}

const isOnDisk = (source: string | URL): source is URL => source instanceof URL && source.protocol === 'file:'

async function fetchBytes(source: string | URL): Promise<Uint8Array> {
  const response = await fetch(source)
  if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`)
  return new Uint8Array(await response.arrayBuffer())
}

interface FileSystem {
  readFile(path: URL): Promise<Uint8Array>
}

/** A name that bundlers for the browser can't follow: there, no module comes from the disk and this never runs. */
const nodeModule = (name: string): Promise<FileSystem> => import(/* webpackIgnore: true */ /* @vite-ignore */ `node:${name}`)

async function readFromDisk(source: URL): Promise<Uint8Array> {
  const { readFile } = await nodeModule('fs/promises')
  return new Uint8Array(await readFile(source))
}

/** Undoes gzip, if it is there: some servers undo it on the way. @throws what `damaged` makes of the cause, where the file is cut off or changed */
export async function gunzip(file: Uint8Array, damaged: (cause: unknown) => Error): Promise<Uint8Array> {
  if (file[0] !== 0x1f || file[1] !== 0x8b) return file
  try {
    // A copy, as streams refuse shared memory.
    const stream = new Blob([file.slice()]).stream().pipeThrough(new DecompressionStream('gzip'))
    return new Uint8Array(await new Response(stream).arrayBuffer())
  } catch (error) {
    throw damaged(error)
  }
}
