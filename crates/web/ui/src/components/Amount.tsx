import type { Quantity } from '../lib/format';

/** A number with its unit in a column of its own, so that both align down a table. */
export function Amount({ of: { value, unit } }: { of: Quantity }) {
  return (
    <span class="amount">
      <span class="num">{value}</span>
      {unit === '' ? null : (
        <>
          {' '}
          <span class="unit">{unit}</span>
        </>
      )}
    </span>
  );
}
