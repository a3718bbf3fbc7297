import type { Promotion } from '@headgate/contract';
import { Alert, Button, Code, Group, Modal, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Fetched } from '../../parts/fetched.tsx';
import { ReasonField } from '../../parts/reason-field.tsx';
import { Said } from '../../parts/said.tsx';
import { Trouble } from '../../parts/trouble.tsx';
import { explanation, plan, promotion as promotionQuery, wayBack } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { shortDigest } from '../../words/visible.ts';
import type { Action } from './action-list.ts';
import { Objections } from './objections.tsx';
import { PointOfNoReturn } from './plan.tsx';
import { WayBackText } from './way-back.tsx';

interface Props {
  readonly promotion: Promotion;
  readonly action: Action;
  readonly close: () => void;
}

/** Asks once more, and shows what it comes to before anything is sent. */
export function ActionDialog({ promotion, action, close }: Props) {
  const client = useClient();
  const queries = useQueryClient();
  const [reason, setReason] = useState('');
  // What is approved is what stood here when the dialog opened, whatever comes in meanwhile.
  const [seen] = useState(promotion);
  const says = promotion.actions[action.name];
  const send = useMutation({
    mutationFn: () => action.send(client, seen, reason.trim()),
    onSuccess: (after) => {
      queries.setQueryData(promotionQuery(client, after.id).queryKey, after);
      void queries.invalidateQueries({ queryKey: ['promotion', after.id] });
      close();
    },
  });
  const { application, release, environment } = seen;
  return (
    <Modal
      opened
      onClose={close}
      size="lg"
      lockScroll={false}
      title={`${action.label}: ${application} ${release.version} to ${environment}`}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <Stack>
          {says !== undefined && !says.allowed ? (
            <Alert color="yellow" title="Not any more">
              <Said>{says.because}</Said>
            </Alert>
          ) : (
            <Text size="sm">
              What it comes to: <Said>{says?.because ?? ''}</Said>.
            </Text>
          )}
          {action.name === 'approve' && <Approved promotion={seen} />}
          {action.goesBack && <Back promotion={seen.id} />}
          {action.reason && <ReasonField value={reason} onChange={setReason} />}
          {send.error !== null && <Trouble of={send.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Leave it
            </Button>
            <Button
              type="submit"
              color={action.color}
              loading={send.isPending}
              disabled={says?.allowed !== true || (action.reason && reason.trim() === '')}
            >
              {action.label}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** What an approval binds to. */
function Approved({ promotion: { id, envelope, wave } }: { readonly promotion: Promotion }) {
  const client = useClient();
  const outline = useQuery(plan(client, id));
  const why = useQuery(explanation(client, id));
  return (
    <Fetched of={outline}>
      {(outlined) => (
        <>
          <Text size="sm">
            You approve the envelope <Code>{shortDigest(envelope)}</Code>: this release, these steps and their undo. If
            any of it changes, your approval doesn’t count.
          </Text>
          <Text size="sm">
            Risk {outlined.risk.level}: <Said>{outlined.risk.because.join('; ')}</Said>. If a step fails:{' '}
            <Said>{outlined.rollback}</Said>.
          </Text>
          <PointOfNoReturn outline={outlined} />
          <Fetched of={why}>
            {({ objections = [], objectionsLeft }) => (
              <Objections of={objections} left={objectionsLeft} waits={wave === 0} />
            )}
          </Fetched>
        </>
      )}
    </Fetched>
  );
}

function Back({ promotion }: { readonly promotion: string }) {
  return <Fetched of={useQuery(wayBack(useClient(), promotion))}>{(data) => <WayBackText of={data} />}</Fetched>;
}
