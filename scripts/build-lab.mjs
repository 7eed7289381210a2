/**
 * Bundles the lab: lab/main.tsx and its worker, each with what it imports, into the folder that is named, next to the page itself.
 *
 *   index.html  lab.js  lab.css    the page
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

await build({
  absWorkingDir: root,
  entryPoints: { lab: 'lab/main.tsx', worker: 'lab/worker/main.ts' },
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
})
copyFileSync(join(root, 'lab/index.html'), join(folder, 'index.html'))
