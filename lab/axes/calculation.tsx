import type { ComponentChildren } from 'preact'
import { operand, shortNumber } from '../parts/number.js'
import { Panel } from '../parts/panel.js'
import { Readings } from '../parts/readings.js'
import type { AxesNumbers } from '../training/axes.js'
import { type Block, cellName } from './block.js'

const TERMS = 6

/** A number that can be read by machine in full. */
const Exact = ({ name, value }: { name: string; value: number }) => (
  <data class="result" value={value} data-name={name}>
    {shortNumber(value, 4)}
  </data>
)

/** What happens to one cell, with its numbers filled in. */
export function Calculation({ block, numbers, cell }: { block: Block; numbers: AxesNumbers; cell: number }) {
  const group = block.groupOf[cell]
  const members = block.members[group]
  const { before, after, eps } = numbers
  const normalised = numbers.standardized[cell]
  const moved = numbers.moved[cell]
  const mean = numbers.mean[group]
  const variance = numbers.variance[group]
  const [weight, bias] = [numbers.weight[block.parameterOf[cell]], numbers.bias[block.parameterOf[cell]]]
  const x = before[cell]
  const centered = block.norm.centered
  const terms = Array.from(members.slice(0, TERMS), (i) => before[i])
  const more = members.length - terms.length
  const rest = more > 0 ? ` + … ${more} more` : ''
  const over = (sum: string) => (
    <>
      <span class="sum">{members.length > 1 ? `(${sum})` : sum}</span> ÷ {members.length}
    </>
  )
  const mu = centered ? ` − ${operand(mean)}` : ''
  return (
    <Panel id="calculation" heading="The sum, written out" class="calculation" aside={<p class="where">{cellName(block, cell)}</p>}>
      <ol class="steps">
        {centered && (
          <Step name="Mean" symbol="μ" result={<Exact name="mean" value={mean} />}>
            {over(terms.map((v, i) => (i === 0 ? shortNumber(v, 2) : signed(v))).join(' ') + rest)}
          </Step>
        )}
        <Step name={centered ? 'Variance' : 'Mean square'} symbol={centered ? 'σ²' : 'x̄²'} result={<Exact name="variance" value={variance} />}>
          {over(
            terms
              .slice(0, 3)
              .map((v) => (centered ? `(${shortNumber(v, 2)}${mu})²` : `${operand(v, 2)}²`))
              .join(' + ') + (members.length > 3 ? ` + … ${members.length - 3} more` : ''),
          )}
        </Step>
        <Step name="Normalise" symbol="x̂" result={<Exact name="normalised" value={normalised} />}>
          {centered ? `(${shortNumber(x)}${mu})` : shortNumber(x)} ÷ √({shortNumber(variance)} + {eps})
        </Step>
        <Step name="Scale and shift" symbol="y" result={<Exact name="after" value={after[cell]} />}>
          {block.norm.centered
            ? `γ x̂ + β = ${shortNumber(weight)} × ${operand(normalised)} + ${operand(bias)}`
            : `γ x̂ = ${shortNumber(weight)} × ${operand(normalised)}`}
        </Step>
      </ol>
      <Readings
        list={[
          { term: 'before', value: x },
          { term: 'after', value: after[cell] },
          { term: 'γ', value: weight },
          ...(centered ? [{ term: 'β', value: bias }] : []),
        ]}
      />
      <p class="moves">
        Change this one number and <strong>{moved}</strong> of the {before.length} outputs move{moved === members.length ? ': its colour, and no other' : ''}.
      </p>
    </Panel>
  )
}

const signed = (value: number) => `${value < 0 ? '−' : '+'} ${shortNumber(Math.abs(value), 2)}`

function Step({ name, symbol, result, children }: { name: string; symbol: string; result: ComponentChildren; children: ComponentChildren }) {
  return (
    <li>
      <span class="step-name">{name}</span>
      <span class="formula">
        <var>{symbol}</var> = {children} <span class="equals">= {result}</span>
      </span>
    </li>
  )
}
