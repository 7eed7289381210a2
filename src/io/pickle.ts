/** Writes Python's pickle format, protocol 2, which every Python and `torch.load` reads. The other way is unpickle.ts, where the format's names are. */
export class PickleWriter {
  private bytes = new Uint8Array(1024)
  private length = 0
  private readonly memo = new Map<object, number>()
  private readonly encoder = new TextEncoder()

  constructor() {
    this.raw(0x80, 2)
  }

  /** Opcodes and their one-byte arguments. */
  raw(...bytes: readonly number[]): this {
    return this.write(bytes)
  }

  private write(bytes: ArrayLike<number>): this {
    if (this.length + bytes.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.bytes.length, this.length + bytes.length))
      larger.set(this.bytes)
      this.bytes = larger
    }
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
    return this
  }

  private littleEndian(value: bigint, count: number): number[] {
    return Array.from({ length: count }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn))
  }

  none = (): this => this.raw(0x4e)
  boolean = (value: boolean): this => this.raw(value ? 0x88 : 0x89)
  mark = (): this => this.raw(0x28)
  tuple = (): this => this.raw(0x74)
  emptyTuple = (): this => this.raw(0x29)
  emptyList = (): this => this.raw(0x5d)
  appends = (): this => this.raw(0x65)
  emptyDict = (): this => this.raw(0x7d)
  setItems = (): this => this.raw(0x75)
  reduce = (): this => this.raw(0x52)
  build = (): this => this.raw(0x62)
  persistent = (): this => this.raw(0x51)

  /** A whole number of any size, as a Python int. */
  int(value: number | bigint): this {
    const big = BigInt(value)
    if (big >= 0n && big < 256n) return this.raw(0x4b, Number(big))
    if (big >= -(2n ** 31n) && big < 2n ** 31n) return this.raw(0x4a, ...this.littleEndian(big, 4))
    let count = 1
    while (BigInt.asIntN(8 * count, big) !== big) count++
    return this.raw(0x8a, count, ...this.littleEndian(big, count))
  }

  float(value: number): this {
    const view = new DataView(new ArrayBuffer(8))
    view.setFloat64(0, value)
    return this.raw(0x47).write(new Uint8Array(view.buffer))
  }

  string(value: string): this {
    const text = this.encoder.encode(value)
    return this.raw(0x58, ...this.littleEndian(BigInt(text.length), 4)).write(text)
  }

  global(module: string, name: string): this {
    return this.raw(0x63).write(this.encoder.encode(`${module}\n${name}\n`))
  }

  /** The object that was just made can be referred to from now on. */
  remember(object: object): this {
    const index = this.memo.size
    this.memo.set(object, index)
    return this.raw(0x72, ...this.littleEndian(BigInt(index), 4))
  }

  /** Whether the object was written before; then it is referred to. */
  recall(object: object): boolean {
    const index = this.memo.get(object)
    if (index === undefined) return false
    this.raw(0x6a, ...this.littleEndian(BigInt(index), 4))
    return true
  }

  finish(): Uint8Array {
    this.raw(0x2e)
    return this.bytes.slice(0, this.length)
  }
}
