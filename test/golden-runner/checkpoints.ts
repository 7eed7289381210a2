import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadSafetensors, SafetensorsError } from '../../src/index.js'
import { NotThereYet } from './bindings.js'
import { check, compare, Mismatch } from './compare.js'
import type { Runner } from './kinds.js'

/** Every tensor of a safetensors file. */
export const runSafetensors: Runner = (family, c, errors) => {
  const tensors = loadSafetensors(readFileSync(join(family.folder, c.file ?? '')))
  for (const key of c.keys) compare(family, c, key, tensors[key.slice('value.'.length)], errors)
}

/** A file that must be refused. Those of PyTorch's own format wait for its reader. */
export const runHostile: Runner = (family, c) => {
  if (!c.file?.endsWith('.safetensors')) throw new NotThereYet('.pt checkpoints')
  try {
    loadSafetensors(readFileSync(join(family.folder, c.file)))
  } catch (error) {
    check(error instanceof SafetensorsError, `got ${String(error)}`)
    return
  }
  throw new Mismatch('was not refused')
}

export const later =
  (what: string): Runner =>
  () => {
    throw new NotThereYet(what)
  }
