// Where the browser tests find Chromium: what the user names, what the system has, what Playwright downloaded.

import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome', 'microsoft-edge']
const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/snap/bin', '/opt/google/chrome']
const elsewhere = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
]

const howToInstall =
  'Install it (Debian and Ubuntu: apt-get install chromium; anywhere: npx playwright install chromium), or name one: CHROMIUM_PATH=/path/to/chromium npm test'

/** What CHROMIUM_PATH names, else the path of a Chromium or Chrome, else undefined. */
export function findChromium() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH
  const candidates = [...folders.filter(Boolean).flatMap((folder) => names.map((name) => join(folder, name))), ...elsewhere]
  return candidates.find(isExecutable)
}

/** Playwright's own download, or undefined. Apart from findChromium because it loads Playwright. */
async function findPlaywrightChromium() {
  const { chromium } = await import('playwright')
  const path = chromium.executablePath()
  return existsSync(path) ? path : undefined
}

/** Flags for a headless run: as root Chromium refuses its sandbox; the rest keeps it from calling home. */
export function chromiumArguments() {
  const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
  return process.getuid?.() === 0 ? ['--no-sandbox', ...quiet] : quiet
}

/**
 * Finds Chromium, or installs Debian's package where this user may.
 * @param {(line: string) => void} say is told what is being done
 * @returns {Promise<string>} its path; throws an error that says how to get one
 */
export async function ensureChromium(say) {
  const found = findChromium() ?? (await findPlaywrightChromium())
  if (found && !isExecutable(found)) throw new Error(`CHROMIUM_PATH is ${found}, which is not a file that can be run. ${howToInstall}`)
  if (found) return found
  const asRoot = rootPrefix()
  if (asRoot) {
    say('no Chromium found: installing the package chromium with apt-get')
    for (const args of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
      const [command, ...rest] = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', ...args]
      const { status } = spawnSync(command, rest, { stdio: ['ignore', 2, 2] })
      if (status !== 0) throw new Error(`No Chromium found, and apt-get ${args[0]} failed (its output is above). ${howToInstall}`)
    }
    const installed = findChromium()
    if (installed) return installed
  }
  throw new Error(`No Chromium found for the browser tests. ${howToInstall}`)
}

/** How this user becomes root for apt-get ([] for root itself), or undefined where that needs a password or there is no apt-get. */
function rootPrefix() {
  const runs = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0
  if (process.platform !== 'linux' || !runs('apt-get', '--version')) return undefined
  if (process.getuid?.() === 0) return []
  return runs('sudo', '-n', 'true') ? ['sudo', '-n'] : undefined
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
