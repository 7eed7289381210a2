/**
 * Writes src/kernels/wasm/assembly/tiles.ts: the register tiles of matrix product and convolution. The file is committed; a test checks
 * that it is what this script makes. Usage: node scripts/generate-tiles.mjs
 *
 * Why generated: AssemblyScript has no arrays of v128 that live in registers, so every accumulator is a local variable of its own.
 * Why these sizes: 2 rows by 4 vectors are 8 accumulators, 4 loads and 2 factors, 14 live vectors. V8 (Node 20 and 22) has 15 registers
 * for them and spills beyond, at half the speed; unrolling the depth hoists loads and spills as well.
 */
import { writeFileSync } from 'node:fs'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'

const path = fileURLToPath(new URL('../src/kernels/wasm/assembly/tiles.ts', import.meta.url))
const vectors = [0, 1, 2, 3]
const list = (n) => Array.from({ length: n }, (_, i) => i)
const join = (parts, separator = '\n') => parts.flat(Infinity).join(separator)

const parameters = (names, type) => names.map((name) => `${name}: ${type}`)
/** Parameters, a line for each part of the header. */
const signature = (header) => join(header.map((part) => `  ${[part].flat().join(', ')},`))
const offset = (j) => (j === 0 ? '' : `, ${16 * j}`)
const zeroed = (rows) =>
  list(rows).map(
    (i) =>
      `  let ${join(
        vectors.map((j) => `c${i}${j} = f32x4.splat(0)`),
        ', ',
      )}`,
  )
const multiplyAdd = (rows) => list(rows).map((i) => vectors.map((j) => `    c${i}${j} = f32x4.add(c${i}${j}, f32x4.mul(a${i}, b${j}))`))

const addTo = (i, value) => vectors.map((j) => `      c${i}${j} = f32x4.add(c${i}${j}, ${value(j)})`)
const storeAll = (address) => vectors.map((j) => `    v128.store(${address(j)})`)

function gemmTile(rows) {
  const row = list(rows)
  const header = [
    parameters(['a', 'aRow', 'aStep', 'b', 'bStep'], 'usize'),
    'depth: i32',
    parameters(['y', 'yRow'], 'usize'),
    parameters(['start', 'startRow', 'startStep'], 'usize'),
    'columns: i32',
  ]
  return `
@inline
export function gemmTile${rows}(
${signature(header)}
): void {
${join(row.map((i) => `  let p${i} = a${i === 0 ? '' : ' + aRow'}`))}
  let q = b
  const stop = a + <usize>depth * aStep
${join(zeroed(rows))}
  while (p0 < stop) {
    const ${join(
      vectors.map((j) => `b${j} = v128.load(q${offset(j)})`),
      ', ',
    )}
${join(row.map((i) => `    const a${i} = v128.load32_splat(p${i})`))}
${join(multiplyAdd(rows))}
${join(row.map((i) => `    p${i} += aStep`))}
    q += bStep
  }
${join(row.map((i) => `  const y${i} = y${i === 0 ? '' : ' + yRow'}, s${i} = start${i === 0 ? '' : ' + startRow'}`))}
  let from = start
  if (start && !startStep) {
    from = 0
${join(row.map((i) => [`    const t${i} = v128.load32_splat(s${i})`, vectors.map((j) => `    c${i}${j} = f32x4.add(c${i}${j}, t${i})`)]))}
  }
  if (columns >= 16) {
    if (from) {
${join(row.map((i) => addTo(i, (j) => `v128.load(s${i}${offset(j)})`)))}
    }
${join(row.map((i) => storeAll((j) => `y${i}, c${i}${j}${offset(j)}`)))}
  } else {
${join(
  row.map(
    (i) =>
      `    storeColumns(y${i}, ${join(
        vectors.map((j) => `c${i}${j}`),
        ', ',
      )}, columns, from ? s${i} : 0)`,
  ),
)}
  }
}
`
}

function convTile(rows) {
  const row = list(rows)
  const place = (i, j) => (i === 0 ? `y${j}` : `y${j} + yRow`)
  const header = [
    parameters(['a', 'aRow'], 'usize'),
    parameters(
      vectors.map((j) => `x${j}`),
      'usize',
    ),
    'taps: usize',
    'depth: i32',
    parameters(
      vectors.map((j) => `y${j}`),
      'usize',
    ),
    'yRow: usize',
    parameters(['count', 'lanes'], 'i32'),
    'laneStep: usize',
    parameters(
      row.map((i) => `bias${i}`),
      'f32',
    ),
    'add: bool',
  ]
  return `
@inline
export function convTile${rows}(
${signature(header)}
): void {
${join(row.map((i) => `  let p${i} = a${i === 0 ? '' : ' + aRow'}`))}
  let t = taps
  const stop = a + (<usize>depth << 2)
${join(zeroed(rows))}
  while (p0 < stop) {
    const tap = <usize>load<u32>(t)
    const ${join(
      vectors.map((j) => `b${j} = v128.load(x${j} + tap)`),
      ', ',
    )}
${join(row.map((i) => `    const a${i} = v128.load32_splat(p${i})`))}
${join(multiplyAdd(rows))}
${join(row.map((i) => `    p${i} += 4`))}
    t += 4
  }
  if (count >= 4 && lanes === 4 && laneStep === 4) {
${join(
  row.map((i) => [
    `    if (add) {`,
    addTo(i, (j) => `v128.load(${place(i, j)})`),
    `    } else {`,
    `      const base = f32x4.splat(bias${i})`,
    addTo(i, () => 'base'),
    `    }`,
    storeAll((j) => `${place(i, j)}, c${i}${j}`),
  ]),
)}
  } else {
${join(row.map((i) => vectors.map((j) => `    ${j === 0 ? '' : `if (count > ${j}) `}storeLanes(${place(i, j)}, c${i}${j}, lanes, laneStep, bias${i}, add)`)))}
  }
}
`
}

function dotTile(rows) {
  const row = list(rows)
  const loop = (from, to, masked) => {
    const read = (address) => (masked ? `v128.and(v128.load(${address}), mask)` : `v128.load(${address})`)
    return `  while (${from} < ${to}) {
    const s = <usize>load<u32>(${from}), e = <usize>load<u32>(${from}, 4)
${join(vectors.map((j) => `    const b${j} = ${read(`x${j} + s`)}`))}
${join(row.map((i) => `    const a${i} = ${read(`p${i} + e`)}`))}
${join(multiplyAdd(rows))}
    ${from} += 8
  }`
  }
  const header = [
    parameters(['a', 'aRow', ...vectors.map((j) => `x${j}`)], 'usize'),
    parameters(['full', 'fullStop', 'partial', 'partialStop'], 'usize'),
    'mask: v128',
    parameters(['y', 'yRow'], 'usize'),
    'columns: i32',
    'add: bool',
  ]
  return `
@inline
export function dotTile${rows}(
${signature(header)}
): void {
${join(row.map((i) => `  const p${i} = a${i === 0 ? '' : ' + aRow'}`))}
  let f = full, g = partial
${join(zeroed(rows))}
${loop('f', 'fullStop', false)}
${loop('g', 'partialStop', true)}
${join(
  row.map(
    (i) =>
      `  storeRow(y${i === 0 ? '' : ' + yRow'}, sums(${join(
        vectors.map((j) => `c${i}${j}`),
        ', ',
      )}), columns, add ? y${i === 0 ? '' : ' + yRow'} : 0)`,
  ),
)}
}
`
}

const storing = `/** The first \`lanes\` (1 to 4) lanes of v, \`step\` apart: plus bias, or plus what is there already where \`add\`. */
function storeLanes(y: usize, v: v128, lanes: i32, step: usize, bias: f32, add: bool): void {
  store<f32>(y, f32x4.extract_lane(v, 0) + (add ? load<f32>(y) : bias))
  if (lanes < 2) return
  y += step
  store<f32>(y, f32x4.extract_lane(v, 1) + (add ? load<f32>(y) : bias))
  if (lanes < 3) return
  y += step
  store<f32>(y, f32x4.extract_lane(v, 2) + (add ? load<f32>(y) : bias))
  if (lanes < 4) return
  y += step
  store<f32>(y, f32x4.extract_lane(v, 3) + (add ? load<f32>(y) : bias))
}

/** Up to 4 neighbours, plus those at \`start\` unless that is 0. */
@inline
function storeRow(y: usize, v: v128, columns: i32, start: usize): void {
  if (columns >= 4) v128.store(y, start ? f32x4.add(v, v128.load(start)) : v)
  else storeFirst(y, start ? f32x4.add(v, loadFirst(start, columns)) : v, columns)
}

/** The first \`columns\` (1 to 15) of 16 neighbours. */
function storeColumns(y: usize, v0: v128, v1: v128, v2: v128, v3: v128, columns: i32, start: usize): void {
  storeRow(y, v0, columns, start)
  if (columns > 4) storeRow(y + 16, v1, columns - 4, start ? start + 16 : 0)
  if (columns > 8) storeRow(y + 32, v2, columns - 8, start ? start + 32 : 0)
  if (columns > 12) storeRow(y + 48, v3, columns - 12, start ? start + 48 : 0)
}
`

/** The text of tiles.ts. */
export function tiles() {
  return `/**
 * Generated by scripts/generate-tiles.mjs: change that, and run it.
 *
 * Register tiles, in float32 throughout (accumulators too; callers bound the depth, see DEPTH in vectors.ts). All addresses and strides are in bytes,
 * of any alignment. Vectors are read whole: up to 60 bytes beyond a row's end, which the allocator keeps readable; lanes that no
 * element belongs to are never stored. \`add\` adds to what y holds, otherwise y is overwritten.
 *
 * gemmTile: y[i][0..columns) = start[i][0..columns) + sum_k a[i][k] b[k][0..columns), columns up to 16. Elements of a's row are \`aStep\` apart, rows
 *   \`aRow\`; the 16 columns of b lie side by side, rows \`bStep\` apart. What the sums are added to, start, may be y itself, a row that serves
 *   all (\`startRow\` 0), a column that does (\`startStep\` 0, otherwise 4), or nothing (0).
 * convTile: four groups of up to 4 positions. y_j[i][lane] = bias_i + sum_k a[i][k] x_j[taps[k]][lane]: group j's inputs lie at
 *   x_j + taps[k] (u32), its outputs at y_j, row i \`yRow\` further, lanes \`laneStep\` apart. The first \`count\` groups count, \`lanes\` lanes of each.
 *   The bias is only for the call without \`add\`.
 * dotTile: y[i][j] = sum over table entries (s, e) (u32 pairs) and 4 lanes of x_j[s] a[i][e]: both operands lie along the summed axis.
 *   Entries from \`partial\` on are masked in both operands, so that what lies beyond the end, even NaN, has no part in the sum.
 */
import { loadFirst, storeFirst } from './lanes'
import { sums } from './vectors'

${storing}${join([1, 2].map(gemmTile), '')}${join([1, 2].map(convTile), '')}${join([1, 2].map(dotTile), '')}`
}

if (fileURLToPath(import.meta.url) === argv[1]) writeFileSync(path, tiles())
