import fs from 'node:fs'
import path from 'node:path'
import { type Experiment, fromJson, type RunState, type SettingsOf, type SettingTable, toJson } from '../experiments/index.js'
import { FileError, writeFileAtomic } from '../io/node.js'

/** Of the file; raised where a reader of the old one would go wrong. */
const SCHEMA = 'evenkeel-runs/1'
const FILE = 'runs.jsonl'

interface Heading {
  schema: string
  experiment: string
  version: string
  settings: SettingsOf<SettingTable>
}

/**
 * Finished runs on disk: a line with what they are runs of, then a line for each as it ends. Who ends the command in the middle, in whatever way, loses the
 * run that was going on and no other.
 */
export class KeptRuns {
  private constructor(
    private readonly file: string,
    private readonly runs: Map<string, RunState & object>,
  ) {}

  static readonly files = [FILE] as const

  /** Whether a folder has such a file. */
  static isIn(folder: string): boolean {
    return fs.existsSync(path.join(folder, FILE))
  }

  /**
   * Opens the file of a folder, or makes it.
   * @param fresh forgets what is in it
   * @throws FileError where it holds runs of something else
   */
  static open(folder: string, { name }: Experiment, settings: SettingsOf<SettingTable>, { version, fresh }: { version: string; fresh: boolean }): KeptRuns {
    const file = path.join(folder, FILE)
    const heading = JSON.stringify({ schema: SCHEMA, experiment: name, version, settings } satisfies Heading)
    const [first, ...lines] = fresh || !fs.existsSync(file) ? [heading] : fs.readFileSync(file, 'utf8').split('\n')
    if (first !== heading) {
      throw new FileError(`${folder} has runs of ${otherThan(first, name, version)}. Choose another --out, or add --force to replace them.`)
    }
    // What is cut off was being written when the command was ended.
    const whole = lines.flatMap((line) => {
      const entry = parsed(line)
      return entry === null ? [] : [{ line, entry }]
    })
    writeFileAtomic(file, `${[heading, ...whole.map(({ line }) => line)].join('\n')}\n`)
    return new KeptRuns(file, new Map(whole.map(({ entry: { config, run } }) => [JSON.stringify(config), run])))
  }

  get size(): number {
    return this.runs.size
  }

  find(config: object): (RunState & object) | undefined {
    return this.runs.get(JSON.stringify(config))
  }

  /** @throws FileError */
  add(config: object, run: RunState & object): void {
    this.runs.set(JSON.stringify(config), run)
    try {
      fs.appendFileSync(this.file, `${toJson({ config, run })}\n`)
    } catch (error) {
      throw new FileError(`can't write ${this.file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }
}

function otherThan(first: string, name: string, version: string): string {
  const heading = parsed<Heading>(first)
  if (heading?.schema !== SCHEMA) return 'something else'
  if (heading.experiment !== name) return `the experiment ${heading.experiment}`
  return heading.version === version ? 'other settings' : `evenkeel ${heading.version}`
}

function parsed<T = { config: object; run: RunState & object }>(line: string): T | null {
  try {
    return fromJson(line) as T
  } catch {
    return null
  }
}
