/**
 * Evaluates the Python expressions that golden cases contain, such as `torch.empty(4, 3).t().uniform_(2, 5)`: literals, calls with keyword
 * arguments, attributes, subscripts with slices, arithmetic, comparisons, conditionals and lambdas. Names and attributes are looked up by
 * the caller.
 */

/** A callable value: positional and keyword arguments. */
export type Callable = (args: unknown[], kwargs: Record<string, unknown>) => unknown

export interface Environment {
  /** The value of a name. */
  name(name: string): unknown
  /** The value of `object.name`. */
  attribute(object: unknown, name: string): unknown
  /** The value of `object[index]`. */
  subscript(object: unknown, index: unknown): unknown
  /** An operator on values that are no plain numbers. */
  operator(op: string, a: unknown, b: unknown): unknown
}

export interface Slice {
  readonly slice: readonly [start: unknown, stop: unknown, step: unknown]
}

const tokenPattern =
  /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(\*\*|\/\/|==|!=|<=|>=|[-+*/%()[\]{},:.<>=]))/y

type Token = { kind: 'number' | 'name' | 'string' | 'symbol'; text: string }

function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  tokenPattern.lastIndex = 0
  while (tokenPattern.lastIndex < source.trimEnd().length) {
    const at = tokenPattern.lastIndex
    const m = tokenPattern.exec(source)
    if (!m) throw new Error(`can't read the expression at '${source.slice(at, at + 20)}'`)
    const kind = m[1] !== undefined ? 'number' : m[2] !== undefined ? 'name' : m[3] !== undefined ? 'string' : 'symbol'
    tokens.push({ kind, text: m[1] ?? m[2] ?? m[3] ?? m[4] })
  }
  return tokens
}

/** Whole numbers beyond 2^53 are bigints; everything else is a number. */
const narrow = (v: bigint): number | bigint => (v >= -(2n ** 53n) && v <= 2n ** 53n ? Number(v) : v)

function arithmetic(op: string, a: number | bigint, b: number | bigint): unknown {
  const whole = (typeof a === 'bigint' || Number.isInteger(a)) && (typeof b === 'bigint' || Number.isInteger(b))
  if (whole && ['+', '-', '*', '**', '//', '%'].includes(op) && !(op === '**' && b < 0)) {
    const [x, y] = [BigInt(a), BigInt(b)]
    return narrow(op === '+' ? x + y : op === '-' ? x - y : op === '*' ? x * y : op === '**' ? x ** y : op === '//' ? x / y : x % y)
  }
  const [x, y] = [Number(a), Number(b)]
  switch (op) {
    case '+':
      return x + y
    case '-':
      return x - y
    case '*':
      return x * y
    case '/':
      return x / y
    case '**':
      return x ** y
    case '//':
      return Math.floor(x / y)
    case '<':
      return x < y
    case '>':
      return x > y
    case '<=':
      return x <= y
    case '>=':
      return x >= y
    case '==':
      return x === y
    default:
      throw new Error(`unknown operator ${op}`)
  }
}

class Parser {
  private at = 0
  constructor(
    private readonly tokens: readonly Token[],
    private readonly env: Environment,
    private readonly locals: Readonly<Record<string, unknown>>,
  ) {}

  whole(): unknown {
    const value = this.expression()
    if (this.at < this.tokens.length) throw new Error(`unexpected '${this.tokens[this.at].text}'`)
    return value
  }

  private peek(text: string): boolean {
    const t = this.tokens[this.at]
    return t !== undefined && t.kind !== 'string' && t.text === text
  }

  private take(text: string): boolean {
    if (!this.peek(text)) return false
    this.at++
    return true
  }

  private expect(text: string): void {
    if (!this.take(text)) throw new Error(`expected '${text}', got '${this.tokens[this.at]?.text ?? 'the end'}'`)
  }

  private expression(): unknown {
    if (this.take('lambda')) return this.lambda()
    // Both branches are computed, as none of them has an effect.
    const value = this.comparison()
    if (!this.take('if')) return value
    const condition = this.comparison()
    this.expect('else')
    const other = this.expression()
    return condition ? value : other
  }

  private lambda(): Callable {
    const names: string[] = []
    while (!this.peek(':')) {
      names.push(this.tokens[this.at++].text)
      this.take(',')
    }
    this.expect(':')
    const start = this.at
    this.skip()
    const body = this.tokens.slice(start, this.at)
    return (args) => new Parser(body, this.env, { ...this.locals, ...Object.fromEntries(names.map((n, i) => [n, args[i]])) }).whole()
  }

  /** Steps over an expression: to the bracket or comma that ends it. */
  private skip(): void {
    let depth = 0
    for (; this.at < this.tokens.length; this.at++) {
      const { text, kind } = this.tokens[this.at]
      if (kind !== 'symbol') continue
      if ('([{'.includes(text)) depth++
      else if (')]}'.includes(text) && depth-- === 0) return
      else if (text === ',' && depth === 0) return
    }
  }

  private binary(operators: readonly string[], next: () => unknown): unknown {
    let a = next()
    for (;;) {
      const op = operators.find((o) => this.peek(o))
      if (!op) return a
      this.at++
      const b = next()
      const plain = (v: unknown): v is number | bigint => typeof v === 'number' || typeof v === 'bigint'
      a = plain(a) && plain(b) ? arithmetic(op, a, b) : this.env.operator(op, a, b)
    }
  }

  private comparison(): unknown {
    return this.binary(['<=', '>=', '==', '<', '>'], () => this.sum())
  }
  private sum(): unknown {
    return this.binary(['+', '-'], () => this.product())
  }
  private product(): unknown {
    return this.binary(['*', '//', '/', '%'], () => this.unary())
  }
  private unary(): unknown {
    if (!this.take('-')) return this.power()
    const value = this.unary()
    return typeof value === 'number' || typeof value === 'bigint' ? -value : this.env.operator('neg', value, null)
  }
  private power(): unknown {
    const base = this.postfix()
    if (!this.take('**')) return base
    const exponent = this.unary()
    return arithmetic('**', base as number, exponent as number)
  }

  private postfix(): unknown {
    let value = this.atom()
    for (;;) {
      if (this.take('.')) value = this.env.attribute(value, this.tokens[this.at++].text)
      else if (this.take('(')) {
        const { args, kwargs } = this.arguments()
        if (typeof value !== 'function') throw new Error(`not callable: ${String(value)}`)
        value = (value as Callable)(args, kwargs)
      } else if (this.take('[')) {
        const index = this.indices()
        value = this.env.subscript(value, index)
      } else return value
    }
  }

  private arguments(): { args: unknown[]; kwargs: Record<string, unknown> } {
    const args: unknown[] = []
    const kwargs: Record<string, unknown> = {}
    while (!this.take(')')) {
      const next = this.tokens[this.at + 1]
      if (this.tokens[this.at].kind === 'name' && next?.kind === 'symbol' && next.text === '=') {
        const key = this.tokens[this.at].text
        this.at += 2
        kwargs[key] = this.expression()
      } else args.push(this.expression())
      if (!this.peek(')')) this.expect(',')
    }
    return { args, kwargs }
  }

  private indices(): unknown {
    const list: unknown[] = []
    let isTuple = false
    while (!this.take(']')) {
      list.push(this.index())
      if (this.take(',')) isTuple = true
    }
    return isTuple ? list : list[0]
  }

  private index(): unknown {
    const part = () => (this.peek(':') || this.peek(',') || this.peek(']') ? null : this.expression())
    const start = part()
    if (!this.take(':')) return start
    const stop = part()
    const step = this.take(':') ? part() : null
    return { slice: [start, stop, step] } satisfies Slice
  }

  private atom(): unknown {
    const token = this.tokens[this.at++]
    if (!token) throw new Error('the expression ends too early')
    const { kind, text } = token
    if (kind === 'number') {
      if (/^\d+$/.test(text)) return narrow(BigInt(text))
      return Number(text)
    }
    if (kind === 'string') return text.slice(1, -1).replace(/\\(.)/g, '$1')
    if (kind === 'name') {
      if (text === 'None') return null
      if (text === 'True') return true
      if (text === 'False') return false
      return text in this.locals ? this.locals[text] : this.env.name(text)
    }
    if (text === '(') return this.tuple()
    if (text === '[') return this.list(']')
    if (text === '{') return this.dictionary()
    throw new Error(`unexpected '${text}'`)
  }

  private tuple(): unknown {
    if (this.take(')')) return []
    const first = this.expression()
    if (this.take(')')) return first
    this.expect(',')
    return [first, ...this.list(')')]
  }

  private list(end: string): unknown[] {
    const values: unknown[] = []
    while (!this.take(end)) {
      values.push(this.expression())
      if (!this.peek(end)) this.expect(',')
    }
    return values
  }

  private dictionary(): Record<string, unknown> {
    const values: Record<string, unknown> = {}
    while (!this.take('}')) {
      const key = String(this.expression())
      this.expect(':')
      values[key] = this.expression()
      if (!this.peek('}')) this.expect(',')
    }
    return values
  }
}

export const evaluate = (source: string, env: Environment, locals: Readonly<Record<string, unknown>> = {}): unknown =>
  new Parser(tokenize(source), env, locals).whole()
