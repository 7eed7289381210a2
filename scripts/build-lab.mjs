/**
 * Bundles the lab: lab/main.tsx and its worker, each with what it imports, into the folder that is named, next to the page itself.
 *
 *   index.html  lab.js  lab.css    the page's frame and its front door
 *   page-*.js                      the other pages, and what they share
 *   worker.js                      the library with its kernels, for module workers
 *
 * Usage: node scripts/build-lab.mjs FOLDER
 */
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = process.argv[2]

const common = {
  absWorkingDir: root,
  outdir: folder,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  // The package's list of modules with side effects names those in dist; from the sources all are taken as they are.
  ignoreAnnotations: true,
  // Dynamic imports behind a check for Node.
  external: ['node:*'],
  legalComments: 'none',
  logLevel: 'warning',
}
await build({ ...common, entryPoints: { lab: 'lab/main.tsx' }, splitting: true, chunkNames: 'page-[hash]' })
await build({ ...common, entryPoints: { worker: 'lab/worker/main.ts' } })
copyFileSync(join(root, 'lab/index.html'), join(folder, 'index.html'))
