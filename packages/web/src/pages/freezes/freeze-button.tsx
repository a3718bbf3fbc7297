import { Button, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { Said } from '../../parts/said.tsx';
import { FreezeDialog } from './freeze-dialog.tsx';

/** Opens the dialog that freezes; out of reach of the mouse for whoever may not, and within reach of the keyboard to learn why. */
export function FreezeButton(props: {
  readonly says: { readonly allowed: boolean; readonly because: string } | undefined;
  readonly scope?: string;
}) {
  const { says, scope } = props;
  const [open, setOpen] = useState(false);
  if (says === undefined) return null;
  return (
    <Group gap="sm">
      <Button
        color="red"
        aria-describedby="why-freeze"
        {...(says.allowed ? { onClick: () => setOpen(true) } : { 'data-disabled': true, 'aria-disabled': true })}
      >
        Freeze now
      </Button>
      <Text size="sm" id="why-freeze" {...(says.allowed ? { className: 'heard' } : { c: 'dimmed' })}>
        <Said>{says.because}</Said>
      </Text>
      {open && <FreezeDialog close={() => setOpen(false)} {...(scope === undefined ? {} : { scope })} />}
    </Group>
  );
}
