import type { Matter } from '@headgate/contract';
import { Button, Group, List, Stack, Text, Title } from '@mantine/core';
import { useState } from 'react';
import { Instant } from '../../parts/instant.tsx';
import { Mark } from '../../parts/mark.tsx';
import { Said } from '../../parts/said.tsx';
import { Some } from '../../parts/some.tsx';
import { webLink } from '../../words/contacts.ts';
import { ActionDialog } from '../promotion/action-dialog.tsx';
import { ACTIONS, type Action } from '../promotion/action-list.ts';

type Told = NonNullable<Matter['promotion']>;

/** What can be done with it, its steps at hand, its transactions, and who decided what just before. */
export function PromotionMatter({ of }: { readonly of: Told }) {
  return (
    <>
      <Possible of={of} />
      <Transactions of={of.transactions} />
      <Before of={of} />
      <Runbooks of={of.runbooks} />
    </>
  );
}

function Possible({ of: { can, promotion } }: { readonly of: Told }) {
  const [asked, setAsked] = useState<Action>();
  const open = can.filter(({ allowed }) => allowed);
  const closed = can.filter(({ allowed }) => !allowed);
  if (can.length === 0) return null;
  return (
    <div>
      <Title order={4} size="h6">
        What can be done
      </Title>
      <Stack gap="xs" mt={4}>
        {open.length === 0 && <Text size="sm">Nothing by you now.</Text>}
        {open.map((each) => (
          <Row key={each.command} promotion={promotion.id} can={each} onClick={setAsked} />
        ))}
        {closed.length > 0 && (
          <details>
            <summary>What can’t be done by you now, and why</summary>
            <List size="sm" mt="xs">
              {closed.map(({ action, because, who, command }) => (
                <List.Item key={command}>
                  <strong>{action}</strong>: <Said>{because}</Said> ({who.join(', ')})
                </List.Item>
              ))}
            </List>
          </details>
        )}
      </Stack>
      {asked !== undefined && <ActionDialog promotion={promotion} action={asked} close={() => setAsked(undefined)} />}
    </div>
  );
}

function Row(props: {
  readonly promotion: string;
  readonly can: Told['can'][number];
  readonly onClick: (action: Action) => void;
}) {
  const { action: name, because, consequence, who, command } = props.can;
  const action = ACTIONS.find((each) => each.name === name);
  const why = `why-${props.promotion}-${name}`;
  if (action === undefined)
    return (
      <Text size="sm">
        <code>{command}</code>: <Said>{`${because}${consequence === '' ? '' : `; ${consequence}`}`}</Said> (
        {who.join(', ')})
      </Text>
    );
  return (
    <Group gap="sm" wrap="nowrap" align="center">
      <Button
        w={110}
        flex="0 0 auto"
        variant="light"
        color={action.color}
        aria-describedby={why}
        onClick={() => props.onClick(action)}
      >
        {action.label}
      </Button>
      <Text size="sm" id={why}>
        <Said>{`${because}${consequence === '' ? '' : `; ${consequence}`}`}</Said> ({who.join(', ')})
      </Text>
    </Group>
  );
}

function Transactions({ of: { lines, checks, reconciled, unknown } }: { readonly of: Told['transactions'] }) {
  return (
    <div>
      <Title order={4} size="h6">
        Which transactions
      </Title>
      <Text size="sm">
        {checks.passed} checks passed, {checks.failed} failed; {reconciled.compared} compared
        {reconciled.caught !== undefined && ` (${reconciled.caught})`}, {reconciled.replayed} replayed,{' '}
        {reconciled.acknowledged} acknowledged, {reconciled.asked} before a person
      </Text>
      <Some of={lines} noun="report" first={5}>
        {(some) => (
          <List size="sm">
            {some.map((line) => (
              <List.Item key={`${line.cell} ${line.step} ${line.at} ${line.kind}`}>
                <Mark of={line.sound ? { word: 'sound', tone: 'teal' } : { word: 'not sound', tone: 'red' }} />{' '}
                {line.tenant !== undefined && (
                  <>
                    <strong>
                      <Said>{line.tenant}</Said>
                    </strong>
                    {': '}
                  </>
                )}
                {line.check !== undefined && (
                  <>
                    <Said>{line.check}</Said>
                    {': '}
                  </>
                )}
                <Said>{line.words}</Said>; <Said>{`${line.step} of cell ${line.cell}`}</Said>, <Instant at={line.at} />
              </List.Item>
            ))}
          </List>
        )}
      </Some>
      {unknown.map((line) => (
        <Text size="sm" c="dimmed" key={line}>
          Not known: <Said>{line}</Said>
        </Text>
      ))}
    </div>
  );
}

function Before({ of: { promotion: p, steps, notes } }: { readonly of: Told }) {
  return (
    <div>
      <Title order={4} size="h6">
        What changed just before
      </Title>
      <Text size="sm">
        {p.application} {p.release.version}, wave {p.wave} of {p.waves}; asked for by <Said>{p.requester}</Said>,{' '}
        {p.approvals.length === 0 ? (
          'approved by nobody'
        ) : (
          <>
            approved by <Said>{p.approvals.map(({ by }) => by).join(', ')}</Said>
          </>
        )}
      </Text>
      {notes !== '' && (
        <Text size="sm" lineClamp={4}>
          <Said>{notes}</Said>
        </Text>
      )}
      {steps.length > 0 && (
        <List size="sm">
          {steps.map(({ cell, step, text, stands }) => (
            <List.Item key={cell}>
              at hand in cell <Said>{cell}</Said>: <Said>{`${step}, ${text} (${stands})`}</Said>
            </List.Item>
          ))}
        </List>
      )}
    </div>
  );
}

function Runbooks({ of }: { readonly of: Told['runbooks'] }) {
  if (of.length === 0) return <Text size="sm">The release carries no runbook.</Text>;
  return (
    <div>
      <Title order={4} size="h6">
        Runbooks
      </Title>
      {of.map(({ title, url, text }) => {
        const link = webLink(url);
        return (
          <div key={`${title} ${url ?? ''}`}>
            <Text size="sm" fw={600}>
              {link === undefined ? (
                <Said>{title}</Said>
              ) : (
                <a href={link} rel="noreferrer noopener" target="_blank">
                  <Said>{title}</Said>
                </a>
              )}
            </Text>
            {text !== undefined && (
              <Text size="sm">
                <Said>{text}</Said>
              </Text>
            )}
          </div>
        );
      })}
    </div>
  );
}
