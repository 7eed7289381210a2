import { signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { announce } from '../state/app.js'
import type { OwnData, OwnFile } from '../training/own.js'
import { LabWorker } from '../worker/client.js'
import { bench } from './bench.js'

/** What was wrong with the last files. */
export const ownProblem = signal('')
const words = { table: 'rows', pictures: 'images, in grey and 28 × 28', text: 'places in the text' } as const

/** Reads a user's own files in a worker; they go nowhere. @returns null where they can't be read, and then `ownProblem` says why */
export async function readFiles(files: readonly OwnFile[]): Promise<OwnData | null> {
  const worker = new LabWorker()
  try {
    const { data } = await worker.ask<'own'>({ type: 'own', files })
    ownProblem.value = ''
    bench.own.value = data
    announce(describeOwn(data))
    return data
  } catch (error) {
    ownProblem.value = error instanceof Error ? error.message : String(error)
    return null
  } finally {
    worker.end()
  }
}

const describeOwn = ({ kind, labels, classNames }: OwnData): string => `${labels.length.toLocaleString('en-US')} ${words[kind]}; ${classNames.length} classes`

/** Where files lie tells their class, so a folder's files carry its name. */
export const chosenFiles = (list: FileList | null): OwnFile[] =>
  Array.from(list ?? [], (file) => ({ path: file.webkitRelativePath.split('/').slice(1).join('/') || file.name, contents: file }))

/** All files that were dropped, those in folders too. */
export async function droppedFiles({ items, files }: DataTransfer): Promise<OwnFile[]> {
  // Entries are to be had only before the first wait, and only for what lies on a disk.
  const entries = Array.from(items).flatMap((item) => item.webkitGetAsEntry() ?? [])
  if (entries.length === 0) return chosenFiles(files)
  const found = (await Promise.all(entries.map((entry) => filesOf(entry, '')))).flat()
  // A single folder is what holds the classes, not a class.
  const alone = entries.length === 1 && entries[0].isDirectory
  return found.map(({ path, contents }) => ({ path: alone ? path.split('/').slice(1).join('/') : path, contents }))
}

async function filesOf(entry: FileSystemEntry, folder: string): Promise<OwnFile[]> {
  const path = folder + entry.name
  if (isFile(entry)) return [{ path, contents: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)) }]
  const reader = (entry as FileSystemDirectoryEntry).createReader()
  const found: OwnFile[] = []
  for (;;) {
    // A reader gives a hundred at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return found
    found.push(...(await Promise.all(some.map((one) => filesOf(one, `${path}/`)))).flat())
  }
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile

/** The ways in for files: two buttons, and the whole bench to drop on. */
export function OwnFiles({ onRead }: { onRead: (data: OwnData) => void }) {
  const folder = useRef<HTMLInputElement>(null)
  useEffect(() => folder.current?.setAttribute('webkitdirectory', ''), [])
  const read = async (input: HTMLInputElement) => {
    const data = await readFiles(chosenFiles(input.files))
    if (data) onRead(data)
  }
  const own = bench.own.value
  return (
    <div class="own">
      <p>
        {own ? (
          <>
            <strong>{describeOwn(own)}</strong>: {own.classNames.slice(0, 6).join(', ')}
            {own.classNames.length > 6 ? ', …' : ''}. Drop other files here to replace them.
          </>
        ) : (
          <>
            <strong>There is no data of your own yet.</strong> Drop it here, or choose it: a table (CSV) whose last column names the class, a text whose next
            character is to be told, or PNG images in a folder for each class.
          </>
        )}{' '}
        <span class="quiet-text">It is read in this page and sent nowhere.</span>
      </p>
      <div class="knobs">
        <div class="knob">
          <label for="own-files">CSV, text, or PNG images</label>
          <input id="own-files" type="file" multiple accept=".csv,.tsv,.txt,.md,.png,text/*,image/png" onChange={(event) => read(event.currentTarget)} />
        </div>
        <div class="knob">
          <label for="own-folder">A folder of PNG images, one in it for each class</label>
          <input ref={folder} id="own-folder" type="file" multiple onChange={(event) => read(event.currentTarget)} />
        </div>
      </div>
    </div>
  )
}
