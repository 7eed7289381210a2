import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FileError, readCheckpoint, readFile, readSafetensors, writeCheckpoint, writeFileAtomic, writeSafetensors } from '../../src/io/node.js'
import { SafetensorsError } from '../../src/io/safetensors-format.js'
import { CheckpointError } from '../../src/io/torch-format.js'
import { tensor } from '../../src/ops/index.js'

let folder = ''
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'evenkeel-'))
})
afterEach(() => {
  vi.restoreAllMocks()
  fs.rmSync(folder, { recursive: true, force: true })
})
const at = (name: string) => path.join(folder, name)

/** An error as the system gives it. */
const systemError = (code: string) => Object.assign(new Error(`${code}: made for the test`), { code })

describe('writeFileAtomic', () => {
  it('makes and replaces files, leaving nothing else', () => {
    writeFileAtomic(at('a.txt'), 'first, with an é')
    expect(fs.readFileSync(at('a.txt'), 'utf8')).toBe('first, with an é')
    writeFileAtomic(at('a.txt'), Uint8Array.of(1, 2, 3))
    expect([...readFile(at('a.txt'))]).toEqual([1, 2, 3])
    writeFileAtomic(at('a.txt'), '')
    expect(readFile(at('a.txt')).length).toBe(0)
    expect(fs.readdirSync(folder)).toEqual(['a.txt'])
  })

  it('flushes the file before it takes its name, and the folder after', () => {
    const calls: string[] = []
    vi.spyOn(fs, 'fsyncSync').mockImplementation(() => void calls.push('fsync'))
    const rename = fs.renameSync
    vi.spyOn(fs, 'renameSync').mockImplementation((from, to) => {
      calls.push('rename')
      rename(from, to)
    })
    writeFileAtomic(at('a'), 'x')
    expect(calls).toEqual(['fsync', 'rename', 'fsync'])
  })

  it('writes on where the system took only a part', () => {
    const write = fs.writeSync
    const parts = vi.spyOn(fs, 'writeSync')
    parts.mockImplementation(((descriptor: number, bytes: Uint8Array, start: number, length: number) =>
      write(descriptor, bytes, start, Math.min(length, 3))) as typeof fs.writeSync)
    writeFileAtomic(at('a'), 'ten bytes!')
    expect(parts).toHaveBeenCalledTimes(4)
    expect(fs.readFileSync(at('a'), 'utf8')).toBe('ten bytes!')
  })

  it('keeps the permissions and the link', () => {
    fs.writeFileSync(at('real'), 'old', { mode: 0o640 })
    fs.chmodSync(at('real'), 0o640)
    fs.symlinkSync(at('real'), at('link'))
    writeFileAtomic(at('link'), 'new')
    expect(fs.lstatSync(at('link')).isSymbolicLink()).toBe(true)
    expect(fs.readFileSync(at('real'), 'utf8')).toBe('new')
    expect(fs.statSync(at('real')).mode & 0o777).toBe(0o640)
  })

  for (const [step, code, text] of [
    ['writeSync', 'ENOSPC', 'there is no space left on the disk (ENOSPC)'],
    ['fsyncSync', 'EDQUOT', 'the disk quota is used up (EDQUOT)'],
    ['openSync', 'EACCES', 'permission denied (EACCES)'],
    ['openSync', 'EROFS', 'the file system is read-only (EROFS)'],
    ['renameSync', 'EXDEV', 'EXDEV: made for the test'],
  ] as const) {
    it(`leaves the old file whole and no other when ${step} fails with ${code}`, () => {
      fs.writeFileSync(at('a'), 'old')
      vi.spyOn(fs, step).mockImplementation((() => {
        throw systemError(code)
      }) as never)
      const write = () => writeFileAtomic(at('a'), 'new')
      expect(write).toThrow(FileError)
      expect(write).toThrow(`can't write ${at('a')}: ${text}; nothing was changed`)
      vi.restoreAllMocks()
      expect(fs.readFileSync(at('a'), 'utf8')).toBe('old')
      expect(fs.readdirSync(folder)).toEqual(['a'])
    })
  }

  it('says why a place cannot be written to', () => {
    fs.writeFileSync(at('file'), '')
    expect(() => writeFileAtomic(at('none/a'), 'x')).toThrow('it or a folder on the way does not exist (ENOENT)')
    expect(() => writeFileAtomic(at('file/a'), 'x')).toThrow('a part of the path is a file, not a folder (ENOTDIR)')
    expect(() => writeFileAtomic(folder, 'x')).toThrow('it is a folder (EISDIR)')
    try {
      writeFileAtomic(folder, 'x')
    } catch (error) {
      expect(error).toMatchObject({ name: 'FileError', cause: { code: 'EISDIR' } })
    }
  })

  it('writes although the system cannot flush a folder', () => {
    const open = fs.openSync
    vi.spyOn(fs, 'openSync').mockImplementation((file, flags, mode) => {
      if (file === folder) throw systemError('EPERM')
      return open(file, flags, mode)
    })
    writeFileAtomic(at('a'), 'x')
    expect(fs.readFileSync(at('a'), 'utf8')).toBe('x')
  })
})

describe('safetensors files', () => {
  it('are written and read', () => {
    writeSafetensors(
      at('m.safetensors'),
      {
        w: tensor([
          [1, 2],
          [3, 4],
        ]),
        n: tensor(7n),
      },
      { format: 'pt' },
    )
    const read = readSafetensors(at('m.safetensors'))
    expect(read.w.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(read.n.item()).toBe(7)
  })

  it('that are missing or broken are errors with the path', () => {
    expect(() => readSafetensors(at('none'))).toThrow(`can't read ${at('none')}: it or a folder on the way does not exist (ENOENT)`)
    expect(() => readSafetensors(folder)).toThrow(FileError)
    fs.writeFileSync(at('text'), 'this is not a safetensors file')
    expect(() => readSafetensors(at('text'))).toThrow(SafetensorsError)
    expect(() => readSafetensors(at('text'))).toThrow(`${at('text')}: the header claims`)
  })

  it('keep their old contents when a tensor cannot be written', () => {
    writeSafetensors(at('m'), { w: tensor([1]) })
    expect(() => writeSafetensors(at('m'), { __metadata__: tensor([2]) })).toThrow(SafetensorsError)
    expect(readSafetensors(at('m')).w.toArray()).toEqual([1])
  })
})

describe('readCheckpoint and writeCheckpoint', () => {
  it('pass checkpoints through the disk, and name the file where one is broken', () => {
    writeCheckpoint(at('a.pt'), { w: tensor([1, 2]) })
    expect(readCheckpoint(at('a.pt')).w.toArray()).toEqual([1, 2])
    fs.writeFileSync(at('b.pt'), 'hello')
    expect(() => readCheckpoint(at('b.pt'))).toThrow(CheckpointError)
    expect(() => readCheckpoint(at('b.pt'))).toThrow(`${at('b.pt')}: not a PyTorch checkpoint`)
    expect(() => readCheckpoint(at('c.pt'))).toThrow(FileError)
    expect(() => writeCheckpoint(at('a.pt'), { f: () => 1 })).toThrow(CheckpointError)
    expect(readCheckpoint(at('a.pt')).w.toArray()).toEqual([1, 2])
  })
})
