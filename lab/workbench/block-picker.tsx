/** Which block of the networks a figure is about. */
export const BlockPicker = ({ depth, chosen, onChoose }: { depth: number; chosen: number; onChoose: (block: number) => void }) => (
  <label class="inline">
    <span>block</span>
    <select value={String(chosen)} onChange={(event) => onChoose(Number(event.currentTarget.value))}>
      {Array.from({ length: depth }, (_, i) => (
        <option value={String(i)} key={String(i)}>
          {i}
        </option>
      ))}
    </select>
  </label>
)
