/**
 * Bundles the compiled modules for Node, into FOLDER/bundle: to look for and compile some 250 files takes it four times as long. Bundlers for
 * pages get the modules, of which they leave out what a page doesn't use. A folder deep, as the modules are that find files of the package by
 * their own place.
 *
 * What is done for the time of an import: no comments or indentation (one character beyond Latin-1 makes V8 keep a whole file as 16-bit text),
 * the kernels compressed, the methods of Tensor listed rather than asked for one by one.
 *
 * Usage: node scripts/bundle-node.mjs FOLDER
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { argv } from 'node:process'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const folder = argv[2]
const output = join(folder, 'bundle')

/** kernels/wasm/bytes.js with the module as gzip. Node's own modules are found from any path, so a bundler may put this text elsewhere. */
function compressedKernels() {
  const text = gzipSync(readFileSync(join(folder, 'kernels/wasm/evenkeel.wasm')), { level: 9 }).toString('base64')
  return `import { createRequire } from 'node:module'
export const kernelBytes = () => new Uint8Array(createRequire(process.execPath)('node:zlib').gunzipSync(Buffer.from('${text}', 'base64')))`
}

/**
 * ops/methods.js with the names of each family in the place of `...family`: for a whole module as a value esbuild makes an object of accessors,
 * each a function that would be compiled to be called once.
 */
async function listedMethods(path) {
  let code = readFileSync(path, 'utf8')
  for (const [, family, file] of code.matchAll(/import \* as (\w+) from '(.*?)';/g)) {
    const names = Object.keys(await import(pathToFileURL(join(path, '..', file))))
    const list = (left) => left.map((name) => `${name}: ${family}.${name}`).join(', ')
    code = code.replace(`...${family},`, () => `${list(names)},`)
    code = code.replace(new RegExp(`const \\{ (.*), \\.\\.\\.(\\w+) \\} = ${family};`), (_, taken, rest) => {
      const apart = taken.split(', ').map((binding) => binding.split(': '))
      const left = names.filter((name) => apart.every(([other]) => other !== name))
      return `${apart.map(([name, local = name]) => `const ${local} = ${family}.${name};`).join('\n')}\nconst ${rest} = { ${list(left)} };`
    })
  }
  return code
}

const shortened = {
  name: 'shortened',
  setup({ onLoad }) {
    onLoad({ filter: /kernels[\\/]wasm[\\/]bytes\.js$/ }, () => ({ contents: compressedKernels(), loader: 'js' }))
    onLoad({ filter: /ops[\\/]methods\.js$/ }, async ({ path }) => ({ contents: await listedMethods(path), loader: 'js' }))
  },
}

/**
 * Modules print the name of their class, and esbuild calls a class that mentions itself `_Name`, and the second class of a name `Name2`. (Its own
 * `keepNames` gives each of 2,000 functions a property of its own.)
 * @param {Set<string>} written names of classes in the sources
 */
function withClassNames(text, written) {
  for (const [, name] of text.matchAll(/\bclass _(\w+)/g)) text = text.replace(new RegExp(`(?<![\\w$.])_${name}\\b`, 'g'), name)
  return text.replace(/\bvar ((\w+?)\d+)=class(?: extends [\w.]+)?\{/g, (head, numbered, name) =>
    written.has(name) && !written.has(numbered) ? `${head}static{Object.defineProperty(this,"name",{value:"${name}"})}` : head,
  )
}

const { outputFiles, metafile } = await build({
  entryPoints: ['index.js', 'node.js', 'cli/main.js'].map((file) => join(folder, file)),
  entryNames: '[name]',
  outdir: output,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minifyWhitespace: true,
  // V8 compiles what an arrow returns with the file, and the body of a function when it is called.
  supported: { arrow: false },
  // An error that nobody catches shows the line that threw it.
  lineLimit: 160,
  // The package names its files that have side effects by where they will be, not by where they are now.
  ignoreAnnotations: true,
  plugins: [shortened],
  write: false,
  metafile: true,
})
mkdirSync(output, { recursive: true })
const written = new Set(Object.keys(metafile.inputs).flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/\bclass (\w+)/g)].map(([, name]) => name)))
for (const { path, text } of outputFiles) writeFileSync(join(output, basename(path)), withClassNames(text, written))
chmodSync(join(output, 'main.js'), 0o755)
