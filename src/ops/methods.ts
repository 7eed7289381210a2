import { provideArithmetic } from '../autograd/arithmetic.js'
import { backward, registerHook, retainGrad } from '../autograd/index.js'
import { RuntimeError } from '../core/errors.js'
import { Tensor } from '../core/tensor.js'
import { kernels } from '../kernels/index.js'
import * as activation from './activation.js'
import * as binary from './binary.js'
import * as blends from './blend.js'
import * as clamps from './clamp.js'
import * as compare from './compare.js'
import * as conversions from './conversions.js'
import * as copy from './copy.js'
import { ones } from './create.js'
import * as extrema from './extrema.js'
import * as indexing from './indexing.js'
import * as items from './item.js'
import * as join from './join.js'
import * as products from './matmul.js'
import { bernoulli, multinomial } from './random.js'
import * as randomInPlace from './random-inplace.js'
import * as reduce from './reduce.js'
import * as softmaxes from './softmax.js'
import * as sorting from './sort.js'
import * as subscript from './subscript.js'
import * as triangle from './triangle.js'
import * as unary from './unary.js'
import * as norms from './vector-norm.js'
import * as views from './views.js'

/**
 * The one place where operations become methods: `x.mean(0)` is `mean(x, 0)`. core/ knows no operation, and a rule in ops/ may use the
 * methods of another family without importing it, so that families form no circle.
 */
const { where: _where, ...binaryMethods } = binary
const { variance, ...reduceMethods } = reduce
const { scatterZeros: _scatterZeros, indexZeros: _indexZeros, ...indexingMethods } = indexing
const { cat: _cat, stack: _stack, ...joinMethods } = join

const methods = {
  backward,
  registerHook,
  retainGrad,
  ...activation,
  ...binaryMethods,
  ...blends,
  ...clamps,
  ...compare,
  ...conversions,
  ...copy,
  ...extrema,
  ...indexingMethods,
  ...items,
  ...joinMethods,
  bernoulli,
  multinomial,
  ...randomInPlace,
  ...norms,
  ...products,
  ...reduceMethods,
  var: variance,
  ...softmaxes,
  ...sorting,
  ...subscript,
  ...triangle,
  ...unary,
  ...views,
}

type Methods = { [K in keyof typeof methods]: Method<(typeof methods)[K]> }
/** The type of the method that a function becomes. With one signature both patterns match it; one must be left, or editors show no text. */
type Method<F> = F extends { (self: Tensor, ...rest: infer A): infer X; (self: Tensor, ...rest: infer B): infer Y }
  ? [A, X] extends [B, Y]
    ? (...rest: B) => Y
    : { (...rest: A): X; (...rest: B): Y }
  : never

/** Views that are read like attributes. */
const attributes = {
  /** The transpose of a matrix; of other tensors the one with all axes in reverse order. A view. */
  T: (x: Tensor): Tensor => views.permute(x, [...x.shape.keys()].reverse()),
  /** The transpose of each matrix in the last two axes. A view. @throws RuntimeError below 2 dimensions */
  mT: (x: Tensor): Tensor => {
    if (x.ndim < 2) throw new RuntimeError(`tensor.mT is only supported on matrices or batches of matrices. Got ${x.ndim}-D tensor.`)
    return views.transpose(x, -2, -1)
  },
}

type Attributes = { readonly [K in keyof typeof attributes]: Tensor }

declare module '../core/tensor.js' {
  interface Tensor extends Methods, Attributes {}
}

type Operation = (self: Tensor, ...rest: unknown[]) => unknown

for (const [name, operation] of Object.entries(methods)) {
  Object.defineProperty(Tensor.prototype, name, {
    value: function (this: Tensor, ...rest: unknown[]): unknown {
      return (operation as Operation)(this, ...rest)
    },
    writable: true,
    configurable: true,
  })
}

for (const [name, view] of Object.entries(attributes)) {
  Object.defineProperty(Tensor.prototype, name, {
    get(this: Tensor): Tensor {
      return view(this)
    },
    configurable: true,
  })
}

provideArithmetic({
  add: binary.add,
  addInPlace: (a, b) => kernels.binary('add', a, b, a),
  copyInto: (a, target) => kernels.copy(a, target),
  clone: copy.clone,
  ones: (shape, dtype) => ones(shape, { dtype }),
  sumToShape: reduce.sumToSize,
  to: copy.to,
  hasNaN: (a) => reduce.any(unary.isnan(a)).item() !== 0,
})
