import fs from 'node:fs'
import path from 'node:path'
import { FileError, writeFileAtomic } from '../io/node.js'

/** A folder for the files of one experiment, known to take them before anything is computed. */
export class ResultFolder {
  private constructor(
    readonly path: string,
    /** The topmost folder that had to be made, or null. */
    private readonly made: string | null,
  ) {}

  /**
   * @param out the user's choice, or null for a fresh one under runs/ with the date and time
   * @param bytes how much will be written, roughly; a trial file of that size is written and deleted
   * @param mayHold whether what is in the folder is no obstacle
   * @throws FileError where it can't be made or written, or has something in it and `force` is not set
   */
  static prepare(
    out: string | null,
    { force, bytes, now, mayHold }: { force: boolean; bytes: number; now: Date; mayHold: (folder: string) => boolean },
  ): ResultFolder {
    const folder = path.resolve(out ?? freshName(now))
    const made = makeFolder(folder)
    const result = new ResultFolder(folder, made)
    if (!force && fs.readdirSync(folder).length > 0 && !mayHold(folder)) {
      throw new FileError(`${folder} is not empty. Choose another --out, or add --force to replace the results in it.`)
    }
    const trial = path.join(folder, 'trial')
    try {
      writeFileAtomic(trial, new Uint8Array(bytes))
      fs.rmSync(trial)
    } catch (error) {
      result.removeIfEmpty()
      throw error
    }
    return result
  }

  /** @returns the path @throws FileError, and then an older file is still whole */
  write(name: string, contents: string): string {
    const file = path.join(this.path, name)
    writeFileAtomic(file, contents)
    return file
  }

  /** Undoes `prepare`. @param files that were written since, which go, too */
  remove(...files: readonly string[]): void {
    for (const name of files) fs.rmSync(path.join(this.path, name), { force: true })
    this.removeIfEmpty()
  }

  private removeIfEmpty(): void {
    if (this.made === null) return
    const top = path.dirname(this.made)
    for (let folder = this.path; folder !== top; folder = path.dirname(folder)) {
      if (fs.readdirSync(folder).length > 0) return
      fs.rmdirSync(folder)
    }
  }
}

function makeFolder(folder: string): string | null {
  try {
    return fs.mkdirSync(folder, { recursive: true }) ?? null
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const reason =
      code === 'EEXIST' || code === 'ENOTDIR'
        ? 'a file is in the way'
        : code === 'EACCES'
          ? 'permission denied'
          : error instanceof Error
            ? error.message
            : String(error)
    throw new FileError(`can't make the folder ${folder}: ${reason}`, { cause: error })
  }
}

/** runs/2026-11-24-0915, with a number behind it where that is taken. */
function freshName(now: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const stamp = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}-${two(now.getHours())}${two(now.getMinutes())}`
  const name = (n: number) => path.join('runs', n === 1 ? stamp : `${stamp}-${n}`)
  let n = 1
  while (fs.existsSync(name(n))) n++
  return name(n)
}
