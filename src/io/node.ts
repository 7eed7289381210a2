import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { RuntimeError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'
import type { StateDict } from '../nn/state-dict.js'
import { load } from './checkpoint.js'
import { type LoadSafetensorsOptions, loadSafetensors, saveSafetensors } from './safetensors.js'
import { SafetensorsError } from './safetensors-format.js'
import { save } from './save-checkpoint.js'
import { CheckpointError } from './torch-format.js'

/** Files, for Node. */

/** A file or folder that could not be read or written; `cause` is the system's own error, with its `code`. */
export class FileError extends RuntimeError {
  override name = 'FileError'
}

/** What the system's error codes mean to a user. */
const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'there is no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'the operation is not permitted',
  EROFS: 'the file system is read-only',
  ENOENT: 'it or a folder on the way does not exist',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'it is a folder',
  EMFILE: 'too many files are open',
}

function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const text = error instanceof Error ? error.message : String(error)
  return reasons[code] ? `${reasons[code]} (${code})` : text
}

/**
 * Writes a file whole or not at all: into a temporary file in the same folder, flushed to the disk, which then takes the place of the old
 * one. Whatever goes wrong, also a crash or a full disk, the old file stays whole and no temporary file is left behind by an error.
 * A symbolic link stays one: the file that it points to is replaced. The permissions of the old file are kept.
 * @throws FileError that names the path and the cause
 */
export function writeFileAtomic(file: string, contents: Uint8Array | string): void {
  const bytes = typeof contents === 'string' ? new TextEncoder().encode(contents) : contents
  let temporary: string | null = null
  try {
    const old = fs.statSync(file, { throwIfNoEntry: false })
    if (old?.isDirectory()) throw Object.assign(new Error('is a directory'), { code: 'EISDIR' })
    const target = old ? fs.realpathSync(file) : file
    temporary = `${target}.${crypto.randomBytes(6).toString('hex')}.tmp`
    writeAndFlush(temporary, bytes, old ? old.mode & 0o777 : 0o666)
    fs.renameSync(temporary, target)
    temporary = null
    flushFolder(path.dirname(target))
  } catch (error) {
    if (temporary !== null) fs.rmSync(temporary, { force: true })
    throw new FileError(`can't write ${file}: ${reason(error)}; nothing was changed`, { cause: error })
  }
}

function writeAndFlush(file: string, bytes: Uint8Array, mode: number): void {
  const descriptor = fs.openSync(file, 'wx', mode)
  try {
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(descriptor, bytes, at, Math.min(bytes.length - at, 2 ** 30))
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}

/** Makes the renaming itself last. Some systems (Windows) can't flush a folder; the file is in its place all the same. */
function flushFolder(folder: string): void {
  let descriptor: number
  try {
    descriptor = fs.openSync(folder, 'r')
  } catch {
    return
  }
  try {
    fs.fsyncSync(descriptor)
  } catch {
    // Nothing to undo: the new file is complete.
  } finally {
    fs.closeSync(descriptor)
  }
}

/** @throws FileError that names the path and the cause */
export function readFile(file: string): Uint8Array {
  try {
    const descriptor = fs.openSync(file, 'r')
    try {
      // fs.readFileSync stops at 2 GiB.
      const bytes = new Uint8Array(fs.fstatSync(descriptor).size)
      let at = 0
      while (at < bytes.length) {
        const count = fs.readSync(descriptor, bytes, at, Math.min(bytes.length - at, 2 ** 30), at)
        if (count === 0) break
        at += count
      }
      return bytes.subarray(0, at)
    } finally {
      fs.closeSync(descriptor)
    }
  } catch (error) {
    throw new FileError(`can't read ${file}: ${reason(error)}`, { cause: error })
  }
}

/** What `parse` makes of a file; errors about its contents say its path. */
function parseFile<T>(file: string, parse: (bytes: Uint8Array) => T): T {
  const bytes = readFile(file)
  try {
    return parse(bytes)
  } catch (error) {
    for (const FormatError of [SafetensorsError, CheckpointError])
      if (error instanceof FormatError) throw new FormatError(`${file}: ${error.message}`, { cause: error })
    throw error
  }
}

/**
 * Reads a safetensors file; see `loadSafetensors`.
 * @throws FileError where it can't be read, SafetensorsError with the path where it is no proper safetensors file
 */
export const readSafetensors = (file: string, options: LoadSafetensorsOptions = {}): Record<string, Tensor> =>
  parseFile(file, (bytes) => loadSafetensors(bytes, options))

/**
 * Writes tensors to a safetensors file, whole or not at all; see `saveSafetensors` and `writeFileAtomic`.
 * @throws FileError that names the path and the cause
 */
export function writeSafetensors(file: string, tensors: Readonly<Record<string, Tensor>>, metadata: Record<string, string> | null = null): void {
  writeFileAtomic(file, saveSafetensors(tensors, metadata))
}

/**
 * Reads a file of `torch.save`; see `load`.
 * @throws FileError where it can't be read, CheckpointError with the path where it is no proper checkpoint
 */
export const readCheckpoint = <T = StateDict>(file: string): T => parseFile(file, (bytes) => load<T>(bytes))

/**
 * Writes a file that `torch.load` opens, whole or not at all; see `save` and `writeFileAtomic`.
 * @throws FileError that names the path and the cause
 */
export function writeCheckpoint(file: string, value: unknown): void {
  writeFileAtomic(file, save(value))
}
