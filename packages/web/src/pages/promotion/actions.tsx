import type { Promotion } from '@headgate/contract';
import { Button, Code, Group, Stack, Text } from '@mantine/core';
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
        {promotion.phase === 'ended' && open.length === 0 && <Anew promotion={promotion} />}
        {open.map(({ action, because }) => (
          <Row key={action.name} action={action} because={because} onClick={() => setAsked(action)} />
        ))}
        {promotion.phase !== 'ended' &&
          closed.map(({ action, because }) => <Row key={action.name} action={action} because={because} />)}
      </Stack>
      {promotion.phase === 'ended' && closed.length > 0 && <WhyNot closed={closed} />}
      {asked !== undefined && <ActionDialog promotion={promotion} action={asked} close={() => setAsked(undefined)} />}
    </Section>
  );
}

/** An ended promotion stays as it is; what somebody may still want is another one. */
function Anew({ promotion: { application, release, environment, result } }: { readonly promotion: Promotion }) {
  const again = result !== 'promoted';
  return (
    <Text size="sm">
      It has ended, and stays as it is.{' '}
      {again ? 'To take the release there after all, ask anew: ' : 'To go back, ask for the release that ran before: '}
      <Code>
        headgate promote {again ? `${application}@${release.version}` : 'RELEASE'} --to {environment}
      </Code>
    </Text>
  );
}

/** Folded away: of what has ended nobody expects a button, and who misses one finds here why there is none. */
function WhyNot({ closed }: { readonly closed: readonly { readonly action: Action; readonly because: string }[] }) {
  return (
    <details className="why-not">
      <summary>Why there is nothing to press</summary>
      <ul>
        {closed.map(({ action, because }) => (
          <li key={action.name}>
            {action.label}: <Said>{because}</Said>
          </li>
        ))}
      </ul>
    </details>
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
