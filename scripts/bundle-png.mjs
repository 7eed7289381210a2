/**
 * Bundles src/cli/png.ts with the packages that decode PNG, as the published package installs none, and puts their licences at its head.
 * Usage: node scripts/bundle-png.mjs FILE
 */
import { readFileSync } from 'node:fs'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const notices = ['fast-png', 'iobuffer', 'fflate'].map((name) => {
  const { version } = JSON.parse(readFileSync(`${root}node_modules/${name}/package.json`, 'utf8'))
  return `Contains ${name} ${version}:\n\n${readFileSync(`${root}node_modules/${name}/LICENSE`, 'utf8').trim()}`
})

await build({
  entryPoints: [`${root}src/cli/png.ts`],
  outfile: argv[2],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  allowOverwrite: true,
  banner: { js: `/*!\n${notices.join('\n\n')}\n*/` },
  logLevel: 'warning',
})
