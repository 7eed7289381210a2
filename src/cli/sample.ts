import path from 'node:path'
import { FileError, readFile } from '../io/node.js'
import { type Checkpoint, readCheckpoint, sample } from '../training/index.js'
import type { Output } from './terminal.js'
import type { SampleRequest } from './train-options.js'

export const CHECKPOINT = 'checkpoint.safetensors'

/** The checkpoint in a folder that `evenkeel train` wrote. @throws FileError that names the file */
export function checkpointIn(folder: string): Checkpoint {
  const file = path.join(folder, CHECKPOINT)
  const bytes = readFile(file)
  try {
    return readCheckpoint(bytes)
  } catch (error) {
    throw new FileError(`${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/** Prints text that continues the prompt. */
export function runSample({ folder, prompt, settings }: SampleRequest, stdout: Output): void {
  stdout.write(`${sample(checkpointIn(folder), prompt, settings)}\n`)
}
