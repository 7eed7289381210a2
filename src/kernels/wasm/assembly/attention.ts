/**
 * Scaled dot product attention, float32, block by block: y = softmax(scale q k^T + mask) v and its gradients, in memory that does not grow
 * with the product of the lengths. Dao et al. 2022, arXiv:2205.14135 (FlashAttention); Milakov and Gimelshein 2018, arXiv:1805.02867
 * (the running maximum and sum).
 *
 * A tile holds 64 keys by 64 queries, queries side by side: a query's statistics are a lane's; as the tile lies it is the left operand of the
 * products that sum over queries, and read across its rows, of those that sum over keys. So only the queries (and, backward, the gradients of
 * the outputs) are packed, once for each block of them.
 *
 * Query i sees the keys up to i + diagonal; what no query of a panel of 16 sees is neither computed nor read. A head's tensors lie where
 * its entries in `table` say (see HEAD); rows are `...Row` bytes apart, the elements of a row side by side. Every block has `scratchSize`
 * bytes of `scratch`, but a range uses those of its first block alone, which stay in the cache.
 */
import { packPanels, product, write4 } from './gemm'
import { bytesMask, highDoubles, lowDoubles, sumDoubles } from './lanes'
import { all, exp4 } from './math'

const QUERIES: i32 = 64
const KEYS: i32 = 64
const PANEL: i32 = 16
/** Bytes of a tile's row, and of a tile. */
const STEP: usize = 256
const TILE: usize = 16384

/** A head's entries in the table: the addresses, u32, of q, k, v, y, mask, keep, lse, dy, dq, dk, dv. */
const HEAD: usize = 44

/** What a mask does to a tile: -infinity where it is false, a sum, or, where it is true, a factor and elsewhere 0. */
const ALLOW: i32 = 1
const ADD: i32 = 2
const KEEP: i32 = 3

@inline function address(entries: usize, i: usize): usize { return <usize>load<u32>(entries + (i << 2)) }

/** y = a b, or y += a b, of any number of columns, rows and products; operands as in gemmTile, panels of b `bPanel` apart. */
function multiply(
  a: usize, aRow: usize, aStep: usize, b: usize, bPanel: usize, bStep: usize,
  y: usize, yRow: usize, rows: i32, columns: i32, depth: i32, add: bool,
): void {
  product(a, aRow << 4, aRow, aStep, b, bPanel, bStep, y, yRow, rows, columns, depth, add ? y : 0, yRow, 4)
}

/** How many of the `count` keys from the first of a block on the queries before `query` see. */
@inline function seen(query: i32, diagonal: i32, firstKey: i32, count: i32): i32 { return max(0, min(count, query + diagonal - firstKey)) }

/** tile[j][i] = k_j q_i for the keys that each panel of queries sees. */
function scores(k: usize, kRow: usize, panels: usize, size: i32, tile: usize, first: i32, queries: i32, diagonal: i32, firstKey: i32, keys: i32): void {
  for (let p = 0; p < queries; p += PANEL) {
    const rows = seen(first + min(p + PANEL, queries), diagonal, firstKey, keys)
    multiply(k, kRow, 4, panels + <usize>p * (<usize>size << 2), 0, 64, tile + (<usize>p << 2), STEP, rows, PANEL, size, false)
  }
}

/** -infinity where a query of a panel does not see a key that others of it see. */
function hideFuture(tile: usize, first: i32, queries: i32, diagonal: i32, firstKey: i32, keys: i32): void {
  for (let p = 0; p < queries; p += PANEL) {
    const stop = seen(first + min(p + PANEL, queries), diagonal, firstKey, keys)
    for (let j = seen(first + p + 1, diagonal, firstKey, keys); j < stop; j++) {
      const key = i32x4.splat(firstKey + j - diagonal - first - p)
      const at = tile + <usize>j * STEP + (<usize>p << 2)
      for (let i = 0; i < PANEL; i += 4) {
        const place = at + (<usize>i << 2)
        const hidden = i32x4.gt_s(key, i32x4.add(i32x4.splat(i), i32x4(0, 1, 2, 3)))
        v128.store(place, v128.bitselect(all(-Infinity), v128.load(place), hidden))
      }
    }
  }
}

/** Applies a mask, [queries][keys] with the keys side by side: bytes, or float32 for ADD. `spare` has 64 bytes. */
function applyMask(tile: usize, mask: usize, row: usize, kind: i32, factor: f32, queries: i32, keys: i32, spare: usize): void {
  for (let i = 0; i < queries; i += 4) {
    const m0 = mask + <usize>i * row
    const m1 = mask + <usize>min(i + 1, queries - 1) * row
    const m2 = mask + <usize>min(i + 2, queries - 1) * row
    const m3 = mask + <usize>min(i + 3, queries - 1) * row
    for (let j = 0; j < keys; j += 4) {
      if (kind === ADD) {
        const at = <usize>j << 2
        write4(spare, 16, v128.load(m0 + at), v128.load(m1 + at), v128.load(m2 + at), v128.load(m3 + at))
      } else {
        const a = bytesMask(v128.load32_zero(m0 + <usize>j)), b = bytesMask(v128.load32_zero(m1 + <usize>j))
        const c = bytesMask(v128.load32_zero(m2 + <usize>j)), d = bytesMask(v128.load32_zero(m3 + <usize>j))
        write4(spare, 16, a, b, c, d)
      }
      let place = tile + <usize>j * STEP + (<usize>i << 2)
      const count = min(4, keys - j)
      for (let t = 0; t < count; t++, place += STEP) {
        const m = v128.load(spare + (<usize>t << 4))
        const x = v128.load(place)
        if (kind === ADD) v128.store(place, f32x4.add(x, m))
        else if (kind === ALLOW) v128.store(place, v128.bitselect(x, all(-Infinity), m))
        else v128.store(place, v128.and(f32x4.mul(x, all(factor)), m))
      }
    }
  }
}

/** Packs queries and scales them. */
function packQueries(x: usize, row: usize, rows: i32, size: i32, scale: f32, panels: usize): void {
  const count = (rows + PANEL - 1) / PANEL
  packPanels(x, 0, 4, row, rows, size, panels, 0, count)
  const factor = all(scale)
  const stop = panels + <usize>(count * size) * 64
  for (let p = panels; p < stop; p += 16) v128.store(p, f32x4.mul(v128.load(p), factor))
}

/** A finite stand-in for the maximum of scores that are all -infinity. */
@inline function finite(max: v128): v128 { return v128.and(max, f32x4.ne(max, all(-Infinity))) }

/**
 * One step of the running softmax for four queries: `at` is their column of the tile, whose first `keys` rows count; state has their maximum, the
 * sum of exponentials, and by how much what was summed before is to be scaled, 256 bytes apart.
 */
function softmaxStep(at: usize, keys: i32, state: usize): void {
  const before = v128.load(state)
  let m0 = before, m1 = before
  let x = at
  for (let j = keys >> 1; j > 0; j--, x += 2 * STEP) {
    m0 = f32x4.pmax(m0, v128.load(x))
    m1 = f32x4.pmax(m1, v128.load(x, 256))
  }
  if (keys & 1) m0 = f32x4.pmax(m0, v128.load(x))
  const max = f32x4.pmax(m0, m1)
  const shift = finite(max)
  let s0 = all(0), s1 = all(0)
  x = at
  for (let j = keys >> 1; j > 0; j--, x += 2 * STEP) {
    const a = exp4(f32x4.sub(v128.load(x), shift))
    const b = exp4(f32x4.sub(v128.load(x, 256), shift))
    s0 = f32x4.add(s0, a)
    s1 = f32x4.add(s1, b)
    v128.store(x, a)
    v128.store(x, b, 256)
  }
  if (keys & 1) {
    const a = exp4(f32x4.sub(v128.load(x), shift))
    s0 = f32x4.add(s0, a)
    v128.store(x, a)
  }
  const correction = exp4(f32x4.sub(before, shift))
  v128.store(state, max)
  v128.store(state, f32x4.add(f32x4.mul(v128.load(state, 256), correction), f32x4.add(s0, s1)), 256)
  v128.store(state, correction, 512)
}

/** Keys that a panel does not see have probability 0. */
function zeroUnseen(tile: usize, first: i32, queries: i32, diagonal: i32, firstKey: i32, keys: i32): void {
  for (let p = 0; p < queries; p += PANEL) {
    let at = tile + (<usize>p << 2)
    let j = seen(first + min(p + PANEL, queries), diagonal, firstKey, keys)
    at += <usize>j * STEP
    for (; j < keys; j++, at += STEP) memory.fill(at, 0, 64)
  }
}

/** x *= factor, a row of any length. */
function scaleRow(x: usize, size: i32, factor: f32): void {
  const f = all(factor)
  let n = size
  for (; n >= 4; n -= 4, x += 16) v128.store(x, f32x4.mul(v128.load(x), f))
  for (; n > 0; n--, x += 4) store<f32>(x, load<f32>(x) * factor)
}

/**
 * The sums over keys: y_i (+)= sum_j tile[j][i] x_j. Queries of a panel take only keys that they see.
 */
function sumKeys(tile: usize, x: usize, xRow: usize, size: i32, y: usize, yRow: usize, first: i32, queries: i32, diagonal: i32, firstKey: i32, keys: i32, add: bool): void {
  if (first + 1 + diagonal >= firstKey + keys) {
    multiply(tile, 4, STEP, x, 64, xRow, y, yRow, queries, size, keys, add)
    return
  }
  for (let i = 0; i < queries; i += 2) {
    const rows = min(2, queries - i)
    const depth = seen(first + i + rows, diagonal, firstKey, keys)
    multiply(tile + (<usize>i << 2), 4, STEP, x, 64, xRow, y + <usize>i * yRow, yRow, rows, size, depth, add)
  }
}

/** The sums over queries: y_j += sum_i tile[j][i] x_i. */
function sumQueries(tile: usize, x: usize, xRow: usize, size: i32, y: usize, yRow: usize, first: i32, queries: i32, diagonal: i32, firstKey: i32, keys: i32): void {
  if (first + 1 + diagonal >= firstKey + keys) {
    multiply(tile, STEP, 4, x, 64, xRow, y, yRow, keys, size, queries, true)
    return
  }
  for (let j = 0; j < keys; j += 2) {
    const skipped = max(0, firstKey + j - diagonal - first)
    if (skipped >= queries) return
    const from = tile + <usize>j * STEP + (<usize>skipped << 2)
    multiply(from, STEP, 4, x + <usize>skipped * xRow, 64, xRow, y + <usize>j * yRow, yRow, min(2, keys - j), size, queries - skipped, true)
  }
}

/** The scores of a tile, its masks applied. */
function maskedScores(
  k: usize, kRow: usize, panels: usize, size: i32, tile: usize, mask: usize, maskRow: usize, maskKind: i32, maskStep: usize,
  first: i32, queries: i32, diagonal: i32, firstKey: i32, keys: i32, spare: usize,
): void {
  scores(k, kRow, panels, size, tile, first, queries, diagonal, firstKey, keys)
  if (maskKind) applyMask(tile, mask + <usize>firstKey * maskStep, maskRow, maskKind, 0, queries, keys, spare)
  if (first + 1 + diagonal < firstKey + keys) hideFuture(tile, first, queries, diagonal, firstKey, keys)
}

/**
 * y, and lse, float64: the logarithm of the sum of exponentials of each query's scores, 0 where no key is seen (y is 0 there).
 * With a `keep` mask probabilities are multiplied by keepScale where it is true, else dropped. A block is 64 queries of a head.
 */
export function attention(
  table: usize, length: i32, keys: i32, size: i32, valueSize: i32,
  qRow: usize, kRow: usize, vRow: usize, yRow: usize, maskKind: i32, maskRow: usize, keepRow: usize,
  scale: f32, keepScale: f32, diagonal: i32, scratch: usize, scratchSize: usize, offset: i32,
  begin: i32, end: i32,
): void {
  const rowBlocks = (length + QUERIES - 1) / QUERIES
  const tile = scratch + <usize>begin * scratchSize
  const state = tile + TILE
  const panels = state + 1024
  const maskStep: usize = maskKind === ADD ? 4 : 1
  for (let block = offset + begin; block < offset + end; block++) {
    const head = block / rowBlocks
    const first = (block % rowBlocks) * QUERIES
    const queries = min(QUERIES, length - first)
    const entries = table + <usize>head * HEAD
    const k = address(entries, 1)
    const v = address(entries, 2)
    const y = address(entries, 3) + <usize>first * yRow
    const mask = address(entries, 4) + <usize>first * maskRow
    const keep = address(entries, 5) + <usize>first * keepRow
    packQueries(address(entries, 0) + <usize>first * qRow, qRow, queries, size, scale, panels)
    for (let i: usize = 0; i < 256; i += 16) {
      v128.store(state + i, all(-Infinity))
      v128.store(state + i, all(0), 256)
    }
    const visible = seen(first + queries, diagonal, 0, keys)
    for (let j = 0; j < visible; j += KEYS) {
      const count = min(KEYS, visible - j)
      maskedScores(k + <usize>j * kRow, kRow, panels, size, tile, mask, maskRow, maskKind, maskStep, first, queries, diagonal, j, count, state + 768)
      for (let p = 0; p < queries; p += 4) {
        const rows = seen(first + min((p | 15) + 1, queries), diagonal, j, count)
        softmaxStep(tile + (<usize>p << 2), rows, state + (<usize>p << 2))
      }
      zeroUnseen(tile, first, queries, diagonal, j, count)
      if (keepRow) applyMask(tile, keep + <usize>j, keepRow, KEEP, keepScale, queries, count, state + 768)
      for (let i = 0; j > 0 && i < queries; i++) {
        const correction = load<f32>(state + (<usize>i << 2), 512)
        if (correction !== 1) scaleRow(y + <usize>i * yRow, valueSize, correction)
      }
      sumKeys(tile, v + <usize>j * vRow, vRow, valueSize, y, yRow, first, queries, diagonal, j, count, j > 0)
    }
    let out = address(entries, 6) + (<usize>first << 3)
    for (let i = 0; i < queries; i++, out += 8) {
      const sum = load<f32>(state + (<usize>i << 2), 256)
      if (sum === 0) {
        store<f64>(out, 0)
        memory.fill(y + <usize>i * yRow, 0, <usize>valueSize << 2)
      } else {
        store<f64>(out, <f64>load<f32>(state + (<usize>i << 2)) + Math.log(<f64>sum))
        scaleRow(y + <usize>i * yRow, valueSize, 1 / sum)
      }
    }
  }
}

/** For each query: lse in two parts, the second as the factor e^-low, and sum(dy y). Three rows of 64, 256 bytes apart. */
function queryTerms(lse: usize, y: usize, yRow: usize, dy: usize, dyRow: usize, queries: i32, size: i32, terms: usize): void {
  for (let i = 0; i < queries; i++) {
    const exact = load<f64>(lse + (<usize>i << 3))
    const high = <f32>exact
    let a = y + <usize>i * yRow
    let b = dy + <usize>i * dyRow
    let sum = f64x2.splat(0)
    let n = size
    for (; n >= 4; n -= 4, a += 16, b += 16) {
      const x = f32x4.mul(v128.load(a), v128.load(b))
      sum = f64x2.add(sum, f64x2.add(lowDoubles(x), highDoubles(x)))
    }
    let total = sumDoubles(sum)
    for (; n > 0; n--, a += 4, b += 4) total += <f64>(load<f32>(a) * load<f32>(b))
    const at = terms + (<usize>i << 2)
    store<f32>(at, high)
    store<f32>(at, <f32>(exact - <f64>high), 256)
    store<f32>(at, <f32>total, 512)
  }
  for (let i: usize = 0; i < 256; i += 16) v128.store(terms + i, exp4(f32x4.neg(v128.load(terms + i, 256))), 256)
}

/**
 * From scores to p = e^(s - lse) in `probabilities`, and from the gradients of p, g, to those of the scores, p (g - sum(dy y)) scale, for a panel,
 * whose first `seenKeys` rows count; the others, up to `keys`, become 0.
 */
function softmaxGrad(probabilities: usize, gradients: usize, terms: usize, scale: f32, seenKeys: i32, keys: i32): void {
  const factor = all(scale)
  for (let i: usize = 0; i < 64; i += 16) {
    const high = v128.load(terms + i)
    const low = v128.load(terms + i, 256)
    const delta = v128.load(terms + i, 512)
    let p = probabilities + i
    let g = gradients + i
    let j = 0
    for (; j < seenKeys; j++, p += STEP, g += STEP) {
      const e = f32x4.mul(exp4(f32x4.sub(v128.load(p), high)), low)
      v128.store(p, e)
      v128.store(g, f32x4.mul(f32x4.mul(e, f32x4.sub(v128.load(g), delta)), factor))
    }
    for (; j < keys; j++, p += STEP, g += STEP) {
      v128.store(p, all(0))
      v128.store(g, all(0))
    }
  }
}

/**
 * The gradients of q, k and v, of which those at address 0 are not wanted. Those of k and v are summed over the `group` heads, neighbours in the table,
 * that share them, and with `accumulate` added to what is there. A block is such a group.
 */
export function attentionGrad(
  table: usize, group: i32, length: i32, keys: i32, size: i32, valueSize: i32,
  qRow: usize, kRow: usize, vRow: usize, yRow: usize, maskKind: i32, maskRow: usize, keepRow: usize,
  dyRow: usize, dqRow: usize, dkRow: usize, dvRow: usize,
  scale: f32, keepScale: f32, diagonal: i32, accumulate: bool, scratch: usize, scratchSize: usize, offset: i32,
  begin: i32, end: i32,
): void {
  const probabilities = scratch + <usize>begin * scratchSize
  const gradients = probabilities + TILE
  const terms = gradients + TILE
  const spare = terms + 768
  const qPanels = terms + 1024
  // Packing may write three rows of a panel too many.
  const dyPanels = qPanels + (<usize>size << 8) + 256
  const maskStep: usize = maskKind === ADD ? 4 : 1
  for (let block = offset + begin; block < offset + end; block++) {
    const firstEntries = table + <usize>(block * group) * HEAD
    const k = address(firstEntries, 1)
    const v = address(firstEntries, 2)
    const dk = address(firstEntries, 9)
    const dv = address(firstEntries, 10)
    for (let j = 0; !accumulate && j < keys; j++) {
      if (dk) memory.fill(dk + <usize>j * dkRow, 0, <usize>size << 2)
      if (dv) memory.fill(dv + <usize>j * dvRow, 0, <usize>valueSize << 2)
    }
    for (let member = 0; member < group; member++) {
      const entries = firstEntries + <usize>member * HEAD
      for (let first = 0; first < length; first += QUERIES) {
        const queries = min(QUERIES, length - first)
        const q = address(entries, 0) + <usize>first * qRow
        const y = address(entries, 3) + <usize>first * yRow
        const mask = address(entries, 4) + <usize>first * maskRow
        const keep = address(entries, 5) + <usize>first * keepRow
        const dy = address(entries, 7) + <usize>first * dyRow
        const dq = address(entries, 8) + <usize>first * dqRow
        packQueries(q, qRow, queries, size, scale, qPanels)
        packPanels(dy, 0, 4, dyRow, queries, valueSize, dyPanels, 0, (queries + PANEL - 1) / PANEL)
        queryTerms(address(entries, 6) + (<usize>first << 3), y, yRow, dy, dyRow, queries, valueSize, terms)
        const visible = seen(first + queries, diagonal, 0, keys)
        for (let j = 0; j < visible; j += KEYS) {
          const count = min(KEYS, visible - j)
          const kj = k + <usize>j * kRow
          maskedScores(kj, kRow, qPanels, size, probabilities, mask, maskRow, maskKind, maskStep, first, queries, diagonal, j, count, spare)
          scores(v + <usize>j * vRow, vRow, dyPanels, valueSize, gradients, first, queries, diagonal, j, count)
          if (keepRow) applyMask(gradients, keep + <usize>j, keepRow, KEEP, keepScale, queries, count, spare)
          for (let p = 0; p < queries; p += PANEL) {
            const at = <usize>p << 2
            softmaxGrad(probabilities + at, gradients + at, terms + at, scale, seen(first + min(p + PANEL, queries), diagonal, j, count), count)
          }
          if (dk) sumQueries(gradients, q, qRow, size, dk + <usize>j * dkRow, dkRow, first, queries, diagonal, j, count)
          if (dqRow) sumKeys(gradients, kj, kRow, size, dq, dqRow, first, queries, diagonal, j, count, j > 0)
          if (dv) {
            if (keepRow) applyMask(probabilities, keep + <usize>j, keepRow, KEEP, keepScale, queries, count, spare)
            sumQueries(probabilities, dy, dyRow, valueSize, dv + <usize>j * dvRow, dvRow, first, queries, diagonal, j, count)
          }
        }
      }
    }
  }
}
