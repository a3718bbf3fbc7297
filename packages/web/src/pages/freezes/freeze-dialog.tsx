import { Alert, Button, Group, Modal, NativeSelect, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Fetched } from '../../parts/fetched.tsx';
import { ReasonField } from '../../parts/reason-field.tsx';
import { Trouble } from '../../parts/trouble.tsx';
import { freezeEffect, freezeScopes } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { LASTS, scopeWords } from '../../words/freezes.ts';
import { Effect } from './effect.tsx';

/** Stops everything, or a part, before its next step: shows what that stops before anything is sent, and asks why. */
export function FreezeDialog({ close, scope: first = 'all' }: { readonly close: () => void; readonly scope?: string }) {
  const client = useClient();
  const queries = useQueryClient();
  const [scope, setScope] = useState(first);
  const [lasts, setLasts] = useState(0);
  const [reason, setReason] = useState('');
  const scopes = useQuery(freezeScopes(client));
  const effect = useQuery(freezeEffect(client, scope));
  const forMs = LASTS[lasts]?.forMs ?? null;
  const send = useMutation({
    mutationFn: () =>
      client.call('declareFreeze', {
        body: { scope, reason: reason.trim(), ...(forMs === null ? { to: null } : { forMs }) },
      }),
    onSuccess: () => {
      void queries.invalidateQueries();
      close();
    },
  });
  const known = [...new Set(['all', first, ...(scopes.data ?? [])])];
  return (
    <Modal opened onClose={close} size="lg" lockScroll={false} title="Freeze now">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <Stack>
          <NativeSelect
            label="What"
            value={scope}
            onChange={(event) => setScope(event.currentTarget.value)}
            data={known.map((each) => ({ value: each, label: scopeWords(each) }))}
          />
          {scopes.error !== null && <Trouble of={scopes.error} />}
          <NativeSelect
            label="For how long"
            value={String(lasts)}
            onChange={(event) => setLasts(Number(event.currentTarget.value))}
            data={LASTS.map(({ label }, i) => ({ value: String(i), label }))}
          />
          <Alert color="blue" title="What it comes to">
            <Stack gap="xs">
              <Text size="sm">
                No step forward begins in {scopeWords(scope)}. What is at work ends its step; the way back stays open.{' '}
                {forMs === null ? 'It does not end by itself.' : 'Then it ends by itself.'}
              </Text>
              <Fetched of={effect}>{(data) => <Effect of={data} />}</Fetched>
            </Stack>
          </Alert>
          <ReasonField value={reason} onChange={setReason} />
          {send.error !== null && <Trouble of={send.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Leave it
            </Button>
            <Button type="submit" color="red" loading={send.isPending} disabled={reason.trim() === ''}>
              Freeze {scopeWords(scope)}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
