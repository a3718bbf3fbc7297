import type { Freeze } from '@headgate/contract';
import { Button, Group, Modal, NativeSelect, Stack, Text } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ReasonField } from '../../parts/reason-field.tsx';
import { Trouble } from '../../parts/trouble.tsx';
import { freezes as freezesQuery } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { scopeWords } from '../../words/freezes.ts';
import { visible } from '../../words/visible.ts';

const keyOf = ({ scope, name }: Freeze) => `${scope}/${name}`;

/** Out of a freeze again, with a reason. */
export function LiftDialog(props: { readonly freezes: readonly Freeze[]; readonly close: () => void }) {
  const client = useClient();
  const queries = useQueryClient();
  const [first] = props.freezes;
  const [chosen, setChosen] = useState(first === undefined ? '' : keyOf(first));
  const [reason, setReason] = useState('');
  const freeze = props.freezes.find((each) => keyOf(each) === chosen);
  const send = useMutation({
    mutationFn: async () => {
      if (freeze === undefined) return;
      const { scope, name } = freeze;
      await client.call('liftFreeze', { scope, name, body: { reason: reason.trim() } });
    },
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: freezesQuery(client).queryKey });
      void queries.invalidateQueries();
      props.close();
    },
  });
  return (
    <Modal opened onClose={props.close} size="lg" lockScroll={false} title="Lift a freeze">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <Stack>
          <NativeSelect
            label="Which"
            value={chosen}
            onChange={(event) => setChosen(event.currentTarget.value)}
            data={props.freezes.map((each) => ({
              value: keyOf(each),
              label: visible(`${scopeWords(each.scope)}: ${each.name}: ${each.reason}`).slice(0, 120),
            }))}
          />
          <Text size="sm">
            What it comes to: what waited for it goes on by itself at once, if its gates still let it and no other
            freeze holds over it.
          </Text>
          <ReasonField value={reason} onChange={setReason} />
          {send.error !== null && <Trouble of={send.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={props.close}>
              Leave it
            </Button>
            <Button type="submit" loading={send.isPending} disabled={reason.trim() === '' || freeze === undefined}>
              Lift the freeze
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
