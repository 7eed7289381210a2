/**
 * Bundles src/cli/png.ts with the packages that decode PNG, as the published package installs none, and puts their licences at its head.
 * Usage: node scripts/bundle-png.mjs FILE
 */
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { notices } from './notices.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
await build({
  entryPoints: [`${root}src/cli/png.ts`],
  outfile: argv[2],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  allowOverwrite: true,
  banner: { js: `/*!\n${notices(['fast-png', 'iobuffer', 'fflate'])}\n*/` },
  logLevel: 'warning',
})
