/**
 * Bundles the lab: lab/main.tsx and its worker, each with what it imports, into the folder that is named, next to the page itself.
 *
 *   index.html  lab.js  lab.css    the page's frame and its front door
 *   page-*.js                      the other pages, and what they share
 *   worker.js                      the library with its kernels, for module workers
 *   draw.js                        the figures without a page, for the command: imports the library from the folder above
 *   LICENSES.txt                   of the packages that are bundled
 *
 * Usage: node scripts/build-lab.mjs FOLDER
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { notices } from './notices.mjs'

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
const { metafile } = await build({ ...common, entryPoints: { lab: 'lab/main.tsx' }, splitting: true, chunkNames: 'page-[hash]', metafile: true })
await build({ ...common, entryPoints: { worker: 'lab/worker/main.ts' } })

/** What the frame imports is named in the page, so that a browser asks for all of it at once. */
const [, frame] = Object.entries(metafile.outputs).find(([path]) => path.endsWith('/lab.js'))
const links = frame.imports.filter(({ kind }) => kind === 'import-statement').map(({ path }) => `<link rel="modulepreload" href="/${basename(path)}" />\n    `)
const page = readFileSync(join(root, 'lab/index.html'), 'utf8')
writeFileSync(join(folder, 'index.html'), page.replace('<script type="module"', `${links.join('')}<script type="module"`))
await build({
  absWorkingDir: root,
  entryPoints: { draw: 'lab/draw.ts' },
  outdir: folder,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  plugins: [
    {
      name: 'library-beside',
      setup: ({ onResolve }) => onResolve({ filter: /(^|\/)src\// }, ({ path }) => ({ path: path.replace(/^.*\bsrc\//, '../'), external: true })),
    },
  ],
  logLevel: 'warning',
})
writeFileSync(join(folder, 'LICENSES.txt'), `${notices(['preact', '@preact/signals', '@preact/signals-core', 'fast-png', 'iobuffer', 'fflate'])}\n`)
