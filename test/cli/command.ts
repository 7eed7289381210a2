import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs the command; `meanwhile` sees the process and what it has said so far. */
export type Run = (args: readonly string[], meanwhile?: (child: ChildProcess, said: string) => void) => Promise<Outcome>

/**
 * The command from its sources, in one file: translating all of them anew takes each of these processes a second. Two folders below the
 * root, as src/cli is, so that it finds package.json and the data.
 * @param name of the file, which no other test writes
 */
export async function buildCommand(name: string): Promise<Run> {
  const command = join(root, `.cache/cli-test/${name}.mjs`)
  await build({ entryPoints: [join(root, 'src/cli/main.ts')], outfile: command, bundle: true, platform: 'node', format: 'esm', ignoreAnnotations: true })
  return (args, meanwhile) => {
    const child = spawn(process.execPath, [command, ...args], { cwd: root, env: { ...process.env, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'] })
    const said = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        said[name] += text
        meanwhile?.(child, said.stdout + said.stderr)
      })
    }
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...said })))
  }
}
