import type { PlanStep, Rollout } from '@headgate/contract';
import { Button, Group, Stack, Text, UnstyledButton } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useId, useState } from 'react';
import { Fetched } from '../../parts/fetched.tsx';
import { Mark } from '../../parts/mark.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing } from '../../parts/section.tsx';
import { steps } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { rolloutStands, stepStands } from '../../words/stands.ts';

interface Props {
  readonly promotion: string;
  readonly cell: string;
  /** Null: the steps of its way back. */
  readonly wave: number | null;
  readonly rollout: Rollout | undefined;
  /** Whether this is where the cell is now, so that its own mark stands here. */
  readonly marked: boolean;
  readonly open: boolean;
  readonly head: string;
}

/** The steps of one cell in one wave; fetched when they are opened. */
export function CellSteps(props: Props) {
  const [open, setOpen] = useState(props.open);
  const id = useId();
  return (
    <div>
      <Group gap="xs" align="baseline">
        <UnstyledButton onClick={() => setOpen(!open)} aria-expanded={open} aria-controls={id}>
          <Text fw={600} size="sm" component="span">
            {open ? '▾' : '▸'} cell {props.cell}
          </Text>
        </UnstyledButton>
        {props.rollout !== undefined && props.marked && <Mark of={rolloutStands(props.rollout)} />}
        <Text size="sm" c="dimmed" component="span">
          <Said>{props.head}</Said>
        </Text>
        <Text size="xs" component="span">
          <Link to="/cells/$cell" params={{ cell: props.cell }} aria-label={`the cell ${props.cell} itself`}>
            its state
          </Link>
        </Text>
      </Group>
      <div id={id}>{open && <Steps {...props} />}</div>
    </div>
  );
}

function Steps({ promotion, cell, wave, rollout }: Props) {
  const pages = useInfiniteQuery(steps(useClient(), promotion, cell, wave));
  return (
    <Fetched of={pages}>
      {(data) => {
        const items = data.pages.flatMap((page) => page.items);
        if (items.length === 0) return <Nothing>Nothing is to be done here.</Nothing>;
        return (
          <>
            <ol className="steps" aria-label={`steps of cell ${cell}`}>
              {items.map((step) => (
                <Step key={`${step.course} ${step.id}`} step={step} rollout={rollout} />
              ))}
            </ol>
            {pages.hasNextPage && (
              <Button variant="subtle" size="xs" onClick={() => pages.fetchNextPage()}>
                More steps
              </Button>
            )}
          </>
        );
      }}
    </Fetched>
  );
}

function Step({ step, rollout }: { readonly step: PlanStep; readonly rollout: Rollout | undefined }) {
  const { id, course, text, undo, kept, approver, stands } = step;
  const asks = approver === undefined ? '' : `, if ${approver} agrees`;
  const now = stands === 'at-hand' && rollout?.step === id ? rollout : undefined;
  return (
    <li data-stands={stands}>
      <Group gap="xs" wrap="nowrap" align="flex-start">
        <Mark of={stepStands(stands, rollout?.phase === 'waiting')} />
        <Stack gap={0}>
          <Text size="sm">
            <Said>{course === 'undo' ? `${text}${asks}` : text}</Said>{' '}
            <Text span c="dimmed" size="xs" className="mono">
              {id}
            </Text>
          </Text>
          {undo !== undefined && (
            <Text size="xs" c="dimmed">
              undone by: <Said>{`${undo}${asks}`}</Said>
            </Text>
          )}
          {kept !== undefined && (
            <Text size="xs" c="dimmed">
              not undone: <Said>{kept}</Said>
            </Text>
          )}
          {now?.agent !== undefined && (
            <Text size="xs">
              carried out by <Said>{now.agent}</Said>, attempt {now.attempt + 1}
            </Text>
          )}
          {now?.why !== undefined && (
            <Text size="xs" c="red">
              <Said>{now.why}</Said>
            </Text>
          )}
        </Stack>
      </Group>
    </li>
  );
}
