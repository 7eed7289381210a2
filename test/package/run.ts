import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Outcome {
  status: number
  stdout: string
  stderr: string
}

/** Runs a command to its end, in the repository unless told otherwise. */
export function run(command: string, args: string[], cwd: string = root): Promise<Outcome> {
  // What npm tells its children about itself would also steer the npm started here.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_(?!config_)|INIT_CWD|NODE_OPTIONS|NODE_PATH|VITEST)/i.test(name)))
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env, maxBuffer: 1 << 26, shell: process.platform === 'win32' && command === 'npm' }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ status, stdout, stderr: error !== null && stderr === '' ? error.message : stderr })
    })
  })
}

/** The same for a command that must succeed; gives back its output. */
export async function runOrThrow(command: string, args: string[], cwd?: string): Promise<string> {
  const { status, stdout, stderr } = await run(command, args, cwd)
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${status}:\n${stdout}\n${stderr}`)
  return stdout
}

/** A call of the npm that runs this test. */
export function npm(...args: string[]): [string, string[]] {
  const path = process.env.npm_execpath
  return path?.endsWith('npm-cli.js') ? [process.execPath, [path, ...args]] : ['npm', args]
}
