import { decodePng, type Pixels } from '../../src/cli/png.js'

/** A user's own files, read into numbers; nothing of it leaves the page. */
export interface OwnData {
  kind: 'table' | 'pictures' | 'text'
  /** Shape of one input. */
  input: readonly number[]
  /** Inputs one after the other. */
  values: Float32Array
  labels: Int32Array
  classNames: readonly string[]
}

/** A file and where it lies, as the user gave it: `cats/1.png`. */
export interface OwnFile {
  path: string
  contents: Blob
}

const FEWEST = 10
const MOST_CLASSES = 100

/** @throws Error that names the file, and the line where it has lines */
export async function readOwn(files: readonly OwnFile[]): Promise<OwnData> {
  const of = (pattern: RegExp) => files.filter(({ path }) => pattern.test(path))
  const pictures = of(/\.png$/i)
  if (pictures.length > 0) return readPictures(pictures)
  if (files.length === 0) throw new Error('There is no file in what was given.')
  const [file] = files
  if (files.length > 1) throw new Error(`${file.path} and ${files[1].path}: give one table (CSV), one text, or PNG images.`)
  if (/\.(jpe?g|gif|webp|bmp|zip|gz|pdf)$/i.test(file.path)) throw new Error(`${file.path}: images must be PNG; tables CSV; texts plain.`)
  try {
    const text = decodeLines(new Uint8Array(await file.contents.arrayBuffer()))
    return /\.(csv|tsv)$/i.test(file.path) ? parseTable(text) : parseText(text)
  } catch (error) {
    throw new Error(`${file.path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** @throws Error that names the line which is no UTF-8 */
export function decodeLines(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    const loose = new TextDecoder().decode(bytes).split('\n')
    throw new Error(`Line ${loose.findIndex((line) => line.includes('\uFFFD')) + 1}: not UTF-8 text.`)
  }
}

const MOST_ROWS = 20_000

/**
 * Reads a table of numbers whose last column names the class; a first line that has no numbers is taken for names.
 * @throws Error that names the line
 */
export function parseTable(text: string): OwnData {
  const lines = text.split(/\r?\n/)
  const separator = [',', ';', '\t'].find((mark) => lines[0]?.includes(mark)) ?? ','
  const cells = lines.map((line) => line.split(separator).map((cell) => cell.trim()))
  const isNumber = (cell: string) => cell !== '' && Number.isFinite(Number(cell))
  const begin = cells[0]?.slice(0, -1).some(isNumber) ? 0 : 1
  const values: number[] = []
  const words: string[] = []
  let features = 0
  for (let i = begin; i < cells.length; i++) {
    const row = cells[i]
    if (row.length === 1 && row[0] === '') continue
    if (features === 0) features = row.length - 1
    if (features < 1) throw new Error(`Line ${i + 1}: one column only; the last column must name the class of the others.`)
    if (row.length !== features + 1) throw new Error(`Line ${i + 1}: ${row.length} columns, where the first row of numbers has ${features + 1}.`)
    const wrong = row.slice(0, -1).findIndex((cell) => !isNumber(cell))
    if (wrong >= 0) throw new Error(`Line ${i + 1}, column ${wrong + 1}: “${row[wrong].slice(0, 40)}” is not a number.`)
    if (row[features] === '') throw new Error(`Line ${i + 1}: the last column, which names the class, is empty.`)
    values.push(...row.slice(0, -1).map(Number))
    words.push(row[features])
    if (words.length > MOST_ROWS) throw new Error(`Line ${i + 1}: more than ${MOST_ROWS} rows, which is more than this page takes.`)
  }
  if (words.length < FEWEST) throw new Error(`The table has ${words.length} rows of numbers; at least ${FEWEST} are needed.`)
  return { kind: 'table', input: [features], values: Float32Array.from(values), ...classesOf(words, 'Every row has the same class: the last column') }
}

/** @param alike says what went wrong where there is one class only */
function classesOf(words: readonly string[], alike: string): Pick<OwnData, 'labels' | 'classNames'> {
  const classNames = [...new Set(words)].sort()
  if (classNames.length < 2) throw new Error(`${alike} must name two classes or more.`)
  if (classNames.length > MOST_CLASSES) throw new Error(`There are ${classNames.length} different classes, which is too many (at most ${MOST_CLASSES}).`)
  const index = new Map(classNames.map((name, i) => [name, i]))
  return { labels: Int32Array.from(words, (word) => index.get(word) ?? 0), classNames }
}

/** Characters before the one that is to be told. */
const CONTEXT = 8
/** The characters of a text that have a class of their own; the others share one. */
const MOST_CHARACTERS = 48
const MOST_WINDOWS = 8000
const FEWEST_CHARACTERS = 200
const OTHER = '\uFFFD'

/** A text in lower case, as the next character after each eight: one number for each character and place, 1 for the one that stands there. */
export function parseText(text: string): OwnData {
  const characters = [...text.toLowerCase().replace(/\s+/g, ' ')]
  if (characters.length < FEWEST_CHARACTERS) throw new Error(`The text has ${characters.length} characters; at least ${FEWEST_CHARACTERS} are needed.`)
  const counts = new Map<string, number>()
  for (const c of characters) counts.set(c, (counts.get(c) ?? 0) + 1)
  const known = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([c]) => c)
  const named = (c: string) => (known.indexOf(c) < MOST_CHARACTERS ? c : OTHER)
  const begin = characters.slice(0, MOST_WINDOWS + CONTEXT).map(named)
  const { labels: all, classNames } = classesOf(begin, 'Every character of the text is the same: it')
  const size = classNames.length
  const count = begin.length - CONTEXT
  const values = new Float32Array(count * CONTEXT * size)
  for (let i = 0; i < count; i++) for (let j = 0; j < CONTEXT; j++) values[(i * CONTEXT + j) * size + all[i + j]] = 1
  return { kind: 'text', input: [CONTEXT * size], values, labels: all.slice(CONTEXT), classNames }
}

const SIDE = 28
const MOST_PICTURES = 5000

/** PNG images in grey, 28 x 28. The class is the folder that an image lies in; without folders the beginning of its name: `cat` of `cat-12.png`. */
async function readPictures(files: readonly OwnFile[]): Promise<OwnData> {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1))
  if (sorted.length < FEWEST) throw new Error(`There are ${sorted.length} PNG images; at least ${FEWEST} are needed.`)
  if (sorted.length > MOST_PICTURES) throw new Error(`There are ${sorted.length} PNG images, which is more than this page takes (${MOST_PICTURES}).`)
  const values = new Float32Array(sorted.length * SIDE * SIDE)
  for (const [i, { path, contents }] of sorted.entries()) {
    try {
      values.set(shrunk(decodePng(new Uint8Array(await contents.arrayBuffer()))), i * SIDE * SIDE)
    } catch (error) {
      throw new Error(`${path}: not a PNG image that can be read: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const classes = classesOf(
    sorted.map(({ path }) => classOf(path)),
    'All images are of the same class: their folders, or the beginnings of their names,',
  )
  return { kind: 'pictures', input: [1, SIDE, SIDE], values, ...classes }
}

function classOf(path: string): string {
  const [name, folder] = path.split('/').reverse()
  return folder ?? name.replace(/[-_. ]?\d*\.png$/i, '').replace(/[-_. ].*$/, '')
}

/** The mean brightness of what each of 28 x 28 pixels covers. */
export function shrunk({ width, height, channels, values }: Pixels): Float32Array {
  // ITU-R BT.601, as where PIL converts to grey.
  const grey = (pixel: number) => (channels === 1 ? values[pixel] : 0.299 * values[3 * pixel] + 0.587 * values[3 * pixel + 1] + 0.114 * values[3 * pixel + 2])
  const [columns, rows] = [shares(width), shares(height)]
  return Float32Array.from({ length: SIDE * SIDE }, (_, i) => {
    let sum = 0
    for (const [y, dy] of rows[Math.floor(i / SIDE)]) for (const [x, dx] of columns[i % SIDE]) sum += dx * dy * grey(y * width + x)
    return sum
  })
}

/** For each of 28 places of a line the pixels of the image that it covers, with shares that sum to 1. */
function shares(length: number): [pixel: number, share: number][][] {
  const step = length / SIDE
  return Array.from({ length: SIDE }, (_, i) => {
    const [from, to] = [i * step, (i + 1) * step]
    const first = Math.floor(from)
    return Array.from({ length: Math.max(1, Math.ceil(to - 1e-9) - first) }, (_, k): [number, number] => {
      const pixel = Math.min(length - 1, first + k)
      return [pixel, (Math.min(to, pixel + 1) - Math.max(from, pixel)) / step]
    })
  })
}
