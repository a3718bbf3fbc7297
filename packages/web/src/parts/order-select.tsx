import { NativeSelect } from '@mantine/core';

/** By when things were made. */
export type Order = 'asc' | 'desc';

/** Which of a list's two ends comes first. */
export function OrderSelect({ value, onChange }: { readonly value: Order; onChange(order: Order): void }) {
  return (
    <NativeSelect
      label="Order"
      value={value}
      onChange={(e) => onChange(e.currentTarget.value === 'asc' ? 'asc' : 'desc')}
      data={[
        { value: 'desc', label: 'newest first' },
        { value: 'asc', label: 'oldest first' },
      ]}
    />
  );
}
