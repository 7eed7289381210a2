import { spawn } from 'node:child_process'
import { type LabServerOptions, serveLab } from './server.js'
import type { Output } from './terminal.js'

export interface LabSettings extends LabServerOptions {
  /** Whether a browser shall open, where there is one. */
  open: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

/** Serves the lab until `signal` is aborted. */
export async function runLab(settings: LabSettings, stdout: Output, env: Environment, signal: AbortSignal): Promise<void> {
  const server = await serveLab(settings)
  stdout.write(`The lab is at ${server.url} (for this machine alone). Ctrl-C ends it.\n`)
  if (settings.open && stdout.isTTY === true && hasDisplay(env)) openBrowser(server.url)
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await server.close()
}

/** At the end of the main job: opens the lab where a person sits in front of a display, elsewhere says how to. */
export async function offerLab(stdout: Output, env: Environment, signal: AbortSignal): Promise<void> {
  if (stdout.isTTY === true && hasDisplay(env)) await runLab({ port: 0, open: true }, stdout, env, signal)
  else stdout.write('To look into the networks while they train: evenkeel lab\n')
}

/** On Linux and its like a browser needs a display; elsewhere there is one. */
export const hasDisplay = (env: Environment, platform: NodeJS.Platform = process.platform): boolean =>
  platform === 'darwin' || platform === 'win32' || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY)

function openBrowser(url: string): void {
  const [command, ...args] = process.platform === 'darwin' ? ['open', url] : process.platform === 'win32' ? ['explorer', url] : ['xdg-open', url]
  const child = spawn(command, args, { stdio: 'ignore', detached: true })
  // No browser is no failure: the address is on the screen.
  child.on('error', () => {})
  child.unref()
}
