import type { Promotion, Rollout } from '@headgate/contract';
import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Fragment, useState } from 'react';
import { Instant } from '../../parts/instant.tsx';
import { ReasonField } from '../../parts/reason-field.tsx';
import { Said } from '../../parts/said.tsx';
import { Some } from '../../parts/some.tsx';
import { Trouble } from '../../parts/trouble.tsx';
import { rollouts } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';

/** What the promotion or one of its cells asks a person. */
export function Questions({ promotion }: { readonly promotion: Promotion }) {
  const pages = useInfiniteQuery(rollouts(useClient(), promotion.id));
  const asking = pages.data?.pages.flatMap(({ items }) => items).filter(({ phase }) => phase === 'asking') ?? [];
  return (
    <>
      {promotion.question !== undefined && (
        <Alert color="red" title="It asks">
          <Said>{promotion.question}</Said>
        </Alert>
      )}
      <Some of={asking} noun="question" first={5}>
        {(some) => (
          <>
            {some.map((rollout) => (
              <Question key={rollout.id} rollout={rollout} />
            ))}
          </>
        )}
      </Some>
    </>
  );
}

const ANSWERS = [
  { answer: 'agree', label: 'Agree: run it, and lose what it says' },
  { answer: 'retry', label: 'Try the step again' },
  { answer: 'decline', label: 'Decline: lose nothing, and leave the cell as it stands' },
] as const;

function Question({ rollout }: { readonly rollout: Rollout }) {
  const client = useClient();
  const queries = useQueryClient();
  const [reason, setReason] = useState('');
  const send = useMutation({
    mutationFn: (answer: (typeof ANSWERS)[number]['answer']) =>
      client.call('answerRollout', {
        rollout: rollout.id,
        body: {
          answer,
          ...(answer === 'decline' && { reason }),
          // The one that stands here: pressed twice, it is no answer to the next.
          ...(rollout.step !== undefined && { step: rollout.step }),
          ...(rollout.asked !== undefined && { asked: rollout.asked }),
        },
      }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['promotion', rollout.promotion] }),
  });
  return (
    <Alert color="red" title={`Cell ${rollout.cell} asks, before step ${rollout.step ?? ''}`}>
      <Stack gap="xs">
        <Text size="sm">
          <Said>{rollout.question ?? ''}</Said>
        </Text>
        {rollout.until !== undefined && (
          <Text size="sm" c="dimmed">
            Until <Instant at={rollout.until} />
          </Text>
        )}
        {ANSWERS.map(({ answer, label }) => {
          const says = rollout.actions[answer];
          if (says === undefined) return null;
          const open = says.allowed && (answer !== 'decline' || reason.trim() !== '');
          return (
            <Fragment key={answer}>
              {answer === 'decline' && says.allowed && <ReasonField value={reason} onChange={setReason} />}
              <Group gap="sm">
                <Button
                  size="compact-md"
                  color="red"
                  variant="light"
                  loading={send.isPending}
                  {...(open
                    ? { onClick: () => send.mutate(answer) }
                    : { 'data-disabled': true, 'aria-disabled': true })}
                >
                  {label}
                </Button>
                <Text size="sm" c="dimmed">
                  <Said>{says.because}</Said>
                </Text>
              </Group>
            </Fragment>
          );
        })}
        {send.error !== null && <Trouble of={send.error} />}
      </Stack>
    </Alert>
  );
}
