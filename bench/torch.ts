import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Contestant } from './workload.js'

/**
 * PyTorch in a process of its own, which answers requests: see torch_peer.py. The program goes along as an argument, so that a Python in
 * another root directory needs no file.
 */

const program = readFileSync(new URL('torch_peer.py', import.meta.url), 'utf8')

/**
 * glibc gives freed blocks back to the system, and the first touch of a page costs 15 to 22 us on a virtual machine: untuned, PyTorch's
 * norms read 6 to 17 times too slow.
 */
const allocator = { MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: '17179869184', MALLOC_TOP_PAD_: '268435456' }

interface Answer {
  error?: string
  version?: string
  capability?: string
  arrays?: string[]
  times?: number[]
}

export class Torch {
  /** Such as '2.6.0, AVX512'. */
  version = ''
  private readonly process: ChildProcess
  private readonly lines: AsyncIterator<string>
  private errors = ''

  private constructor(command: string, threads: number, narrow: boolean) {
    const [file, ...args] = command.split(/\s+/).filter((word) => word !== '')
    this.process = spawn(file, [...args, '-c', program, String(threads), ...(narrow ? ['128'] : [])], {
      env: { ...process.env, ...allocator },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const { stdin, stdout, stderr } = this.process
    if (!stdin || !stdout || !stderr) throw new Error('no pipes')
    // A process that can't be started or has ended shows as the end of its output.
    this.process.on('error', (error) => {
      this.errors += error.message
    })
    stdin.on('error', () => {})
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text
    })
    this.lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  }

  /**
   * @param command Python with torch, such as 'python3' or 'env A=B /opt/python'; split at spaces
   * @param narrow limits it to vectors of 128 bits
   * @throws Error where there is none
   */
  static async start(command: string, threads: number, narrow: boolean): Promise<Torch> {
    const torch = new Torch(command, threads, narrow)
    const { version, capability } = await torch.answer()
    torch.version = `${version}, ${capability}`
    return torch
  }

  /** A contestant; the one before it is gone. */
  async make(source: string): Promise<Contestant> {
    await this.ask({ make: source })
    return {
      times: async (calls) => (await this.ask({ times: calls })).times ?? [],
      result: async () => ((await this.ask({ result: true })).arrays ?? []).map(floats),
    }
  }

  end(): void {
    this.process.stdin?.end()
  }

  private ask(request: object): Promise<Answer> {
    this.process.stdin?.write(`${JSON.stringify(request)}\n`)
    return this.answer()
  }

  private async answer(): Promise<Answer> {
    const { value, done } = await this.lines.next()
    if (done) throw new Error(`PyTorch's process ended: ${this.errors.trim().split('\n').at(-1) || 'no reason given'}`)
    const answer: Answer = JSON.parse(value)
    if (answer.error) throw new Error(`PyTorch: ${answer.error}`)
    return answer
  }
}

function floats(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64')
  return new Float32Array(new Uint8Array(bytes).buffer)
}
