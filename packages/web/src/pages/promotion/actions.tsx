import type { Promotion } from '@headgate/contract';
import { Button, Group, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { Said } from '../../parts/said.tsx';
import { Section } from '../../parts/section.tsx';
import { ActionDialog } from './action-dialog.tsx';
import { ACTIONS, type Action } from './action-list.ts';

/** What may be done with it. The server says what is possible, why not, and what it comes to; nothing is decided here. */
export function Actions({ promotion }: { readonly promotion: Promotion }) {
  const [asked, setAsked] = useState<Action>();
  const offered = ACTIONS.flatMap((action) => {
    const says = promotion.actions[action.name];
    return says === undefined ? [] : [{ action, ...says }];
  });
  const open = offered.filter(({ allowed }) => allowed);
  const closed = offered.filter(({ allowed }) => !allowed);
  return (
    <Section title="What you can do">
      <Stack gap="xs">
        {open.map(({ action, because }) => (
          <Row key={action.name} action={action} because={because} onClick={() => setAsked(action)} />
        ))}
        {closed.map(({ action, because }) => (
          <Row key={action.name} action={action} because={because} />
        ))}
      </Stack>
      {asked !== undefined && <ActionDialog promotion={promotion} action={asked} close={() => setAsked(undefined)} />}
    </Section>
  );
}

/** Disabled ones stay within reach of the keyboard, so that everybody can learn why. */
function Row(props: { readonly action: Action; readonly because: string; readonly onClick?: () => void }) {
  const { action, because, onClick } = props;
  const why = `why-${action.name}`;
  return (
    <Group gap="sm" wrap="nowrap" align="center">
      <Button
        w={120}
        flex="0 0 auto"
        size="compact-md"
        variant={action.name === 'approve' ? 'filled' : 'light'}
        color={action.color}
        aria-describedby={why}
        {...(onClick === undefined ? { 'data-disabled': true, 'aria-disabled': true } : { onClick })}
      >
        {action.label}
      </Button>
      <Text size="sm" id={why} {...(onClick === undefined ? { c: 'dimmed' } : {})}>
        <Said>{because}</Said>
      </Text>
    </Group>
  );
}
