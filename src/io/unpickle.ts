/**
 * Python's pickle format, as far as data need it: a small machine that builds values on a stack. What names something outside of the data (a class, a
 * function) is given to the caller, who knows a few; nothing is ever called by name.
 * @see https://github.com/python/cpython/blob/3.12/Lib/pickletools.py
 */

/** A Python tuple; lists are arrays. */
export class Tuple {
  constructor(readonly items: readonly PythonValue[]) {}
}

/** A Python dict, in order. */
export class Dict {
  readonly entries = new Map<PythonValue, PythonValue>()
  /** Attributes of the object itself, as an OrderedDict may have. */
  attributes: Dict | null = null
}

/** A class, function or constant of a Python module, by name. */
export class Global {
  constructor(readonly name: string) {}
}

/** `object` stands for what the caller's functions made. */
export type PythonValue = null | boolean | number | bigint | string | object

export interface Surroundings {
  /** Throws the caller's error. */
  fail(message: string): never
  /** Says that a name is known, or throws. */
  checkGlobal(name: string): void
  /** What calling `name` with these arguments gives. */
  call(name: string, args: readonly PythonValue[]): PythonValue
  /** What a persistent id stands for. */
  persistent(id: PythonValue): PythonValue
}

/** Names of Python 2 that Python 3 moved; protocol 2 writes the old ones. */
const moved: Readonly<Record<string, string>> = { __builtin__: 'builtins', copy_reg: 'copyreg' }

class Machine {
  private readonly view: DataView
  private stack: PythonValue[] = []
  /** Stacks below each open mark. */
  private readonly below: PythonValue[][] = []
  private readonly memo = new Map<number, PythonValue>()

  constructor(
    private readonly bytes: Uint8Array,
    private at: number,
    private readonly around: Surroundings,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  private fail(message: string): never {
    return this.around.fail(`${message} (at byte ${this.at} of its pickle)`)
  }

  /** The place of the next `count` bytes. */
  private take(count: number): number {
    if (count > this.bytes.length - this.at) this.fail(`${count} bytes expected, but only ${this.bytes.length - this.at} are left: the data are cut off`)
    this.at += count
    return this.at - count
  }

  private uint8 = (): number => this.view.getUint8(this.take(1))
  private uint16 = (): number => this.view.getUint16(this.take(2), true)
  private uint32 = (): number => this.view.getUint32(this.take(4), true)
  private uint64 = (): number => Number(this.view.getBigUint64(this.take(8), true))

  private raw(count: number): Uint8Array {
    const at = this.take(count)
    return this.bytes.slice(at, at + count)
  }

  private text(count: number): string {
    const bytes = this.raw(count)
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      return this.fail('a string is not valid UTF-8')
    }
  }

  private line(): string {
    const end = this.bytes.indexOf(10, this.at)
    if (end < 0) this.fail('a name has no end')
    const text = this.text(end - this.at)
    this.at++
    return text
  }

  /** Two's complement, little endian. */
  private long(count: number): number | bigint {
    const bytes = this.raw(count)
    let value = 0n
    for (let i = count - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i])
    if (count > 0 && bytes[count - 1] & 0x80) value -= 1n << BigInt(8 * count)
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }

  private push = (value: PythonValue): void => void this.stack.push(value)

  private pop(): PythonValue {
    const value = this.stack.pop()
    return value === undefined ? this.fail('a value is missing') : value
  }

  private peek(): PythonValue {
    const value = this.stack.at(-1)
    return value === undefined ? this.fail('a value is missing') : value
  }

  private mark(): void {
    this.below.push(this.stack)
    this.stack = []
  }

  /** What was pushed since the last mark. */
  private sinceMark(): PythonValue[] {
    const items = this.stack
    this.stack = this.below.pop() ?? this.fail('a mark is missing')
    return items
  }

  private append(items: readonly PythonValue[]): void {
    const list = this.peek()
    if (!Array.isArray(list)) return this.fail('items are added to what is no list')
    for (const item of items) list.push(item)
  }

  private add(items: readonly PythonValue[]): void {
    const set = this.peek()
    if (!(set instanceof Set)) return this.fail('items are added to what is no set')
    for (const item of items) set.add(item)
  }

  private setItems(items: readonly PythonValue[]): void {
    const dict = this.peek()
    if (!(dict instanceof Dict) || items.length % 2 !== 0) return this.fail('items are set in what is no dict')
    for (let i = 0; i < items.length; i += 2) dict.entries.set(items[i], items[i + 1])
  }

  private global(module: string, name: string): void {
    const full = `${moved[module] ?? module}.${name}`
    this.around.checkGlobal(full)
    this.push(new Global(full))
  }

  private stackGlobal(): void {
    const [name, module] = [this.pop(), this.pop()]
    if (typeof name !== 'string' || typeof module !== 'string') return this.fail('a name is no string')
    this.global(module, name)
  }

  private reduce(): void {
    const [args, callee] = [this.pop(), this.pop()]
    if (!(callee instanceof Global) || !(args instanceof Tuple)) return this.fail('something is called that is no known function')
    this.push(this.around.call(callee.name, args.items))
  }

  /** Attributes of an object; only an OrderedDict has any here. */
  private build(): void {
    const attributes = this.pop()
    const target = this.peek()
    if (!(target instanceof Dict) || !(attributes instanceof Dict)) return this.fail('attributes are given to what has none')
    target.attributes = attributes
  }

  private recall(index: number): void {
    const value = this.memo.get(index)
    this.push(value === undefined ? this.fail(`value ${index} is used before it is there`) : value)
  }

  private readonly operations: Readonly<Record<number, () => void>> = {
    40: () => this.mark(), // MARK
    41: () => this.push(new Tuple([])), // EMPTY_TUPLE
    48: () => void this.pop(), // POP
    49: () => void this.sinceMark(), // POP_MARK
    50: () => this.push(this.peek()), // DUP
    66: () => this.push(this.raw(this.uint32())), // BINBYTES
    67: () => this.push(this.raw(this.uint8())), // SHORT_BINBYTES
    71: () => this.push(this.view.getFloat64(this.take(8))), // BINFLOAT
    74: () => this.push(this.view.getInt32(this.take(4), true)), // BININT
    75: () => this.push(this.uint8()), // BININT1
    77: () => this.push(this.uint16()), // BININT2
    78: () => this.push(null), // NONE
    81: () => this.push(this.around.persistent(this.pop())), // BINPERSID
    82: () => this.reduce(), // REDUCE
    85: () => this.push(this.text(this.uint8())), // SHORT_BINSTRING
    88: () => this.push(this.text(this.uint32())), // BINUNICODE
    93: () => this.push([]), // EMPTY_LIST
    97: () => {
      const item = this.pop()
      this.append([item])
    }, // APPEND
    98: () => this.build(), // BUILD
    99: () => this.global(this.line(), this.line()), // GLOBAL
    101: () => this.append(this.sinceMark()), // APPENDS
    104: () => this.recall(this.uint8()), // BINGET
    106: () => this.recall(this.uint32()), // LONG_BINGET
    113: () => void this.memo.set(this.uint8(), this.peek()), // BINPUT
    114: () => void this.memo.set(this.uint32(), this.peek()), // LONG_BINPUT
    115: () => {
      const value = this.pop()
      const key = this.pop()
      this.setItems([key, value])
    }, // SETITEM
    116: () => this.push(new Tuple(this.sinceMark())), // TUPLE
    117: () => this.setItems(this.sinceMark()), // SETITEMS
    125: () => this.push(new Dict()), // EMPTY_DICT
    128: () => this.protocol(this.uint8()), // PROTO
    133: () => this.push(new Tuple([this.pop()])), // TUPLE1
    134: () => this.push(new Tuple([this.pop(), this.pop()].reverse())), // TUPLE2
    135: () => this.push(new Tuple([this.pop(), this.pop(), this.pop()].reverse())), // TUPLE3
    136: () => this.push(true), // NEWTRUE
    137: () => this.push(false), // NEWFALSE
    138: () => this.push(this.long(this.uint8())), // LONG1
    140: () => this.push(this.text(this.uint8())), // SHORT_BINUNICODE
    141: () => this.push(this.text(this.uint64())), // BINUNICODE8
    142: () => this.push(this.raw(this.uint64())), // BINBYTES8
    143: () => this.push(new Set<PythonValue>()), // EMPTY_SET
    144: () => this.add(this.sinceMark()), // ADDITEMS
    147: () => this.stackGlobal(), // STACK_GLOBAL
    148: () => void this.memo.set(this.memo.size, this.peek()), // MEMOIZE
    149: () => void this.take(8), // FRAME
  }

  private protocol(version: number): void {
    if (version > 5) this.fail(`pickle protocol ${version} is newer than the newest known, 5`)
  }

  run(): { value: PythonValue; end: number } {
    for (;;) {
      const opcode = this.uint8()
      // STOP
      if (opcode === 0x2e) break
      const operation =
        this.operations[opcode] ?? this.fail(`0x${opcode.toString(16).padStart(2, '0')} is no operation of data, but of objects or older formats`)
      operation()
    }
    const value = this.pop()
    if (this.stack.length > 0 || this.below.length > 0) this.fail('values are left over')
    return { value, end: this.at }
  }
}

/** The value of the pickle that begins at `at`, and where it ends. */
export const unpickle = (bytes: Uint8Array, at: number, around: Surroundings): { value: PythonValue; end: number } => new Machine(bytes, at, around).run()
