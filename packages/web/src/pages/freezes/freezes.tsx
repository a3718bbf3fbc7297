import { Button, Group, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Fetched } from '../../parts/fetched.tsx';
import { Instant } from '../../parts/instant.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';
import { freezeEffect, freezes } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { usePageTitle } from '../../shell/page-title.ts';
import { scopeWords } from '../../words/freezes.ts';
import { Effect } from './effect.tsx';
import { FreezeButton } from './freeze-button.tsx';
import { LiftDialog } from './lift-dialog.tsx';

/** What is frozen, by whom and why; freezing and lifting. */
export function Freezes() {
  usePageTitle('Freezes');
  const client = useClient();
  const list = useQuery(freezes(client));
  const [lifting, setLifting] = useState(false);
  return (
    <Stack gap="xl">
      <Group justify="space-between">
        <Title order={1} size="h2">
          Freezes
        </Title>
        {list.data !== undefined && <FreezeButton says={list.data.actions.freeze} />}
      </Group>
      <Text size="sm" c="dimmed">
        A freeze stops steps forward before they begin. What is at work ends its step, and the way back is never held
        up. Freezes of calendars stand in their documents.
      </Text>
      <Fetched of={list}>
        {({ items, actions }) =>
          items.length === 0 ? (
            <Nothing>Nothing is frozen.</Nothing>
          ) : (
            <>
              <Table className="rows" aria-label="freezes">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>What</Table.Th>
                    <Table.Th>Why</Table.Th>
                    <Table.Th>From</Table.Th>
                    <Table.Th>Until</Table.Th>
                    <Table.Th>By</Table.Th>
                    <Table.Th>Name</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {items.map(({ scope, name, from, to, reason, by }) => (
                    <Table.Tr key={`${scope}/${name}`}>
                      <Table.Td data-label="What">
                        <Said>{scopeWords(scope)}</Said>
                      </Table.Td>
                      <Table.Td data-label="Why">
                        <Said>{reason}</Said>
                      </Table.Td>
                      <Table.Td data-label="From">
                        <Instant at={from} />
                      </Table.Td>
                      <Table.Td data-label="Until">{to === null ? 'somebody lifts it' : <Instant at={to} />}</Table.Td>
                      <Table.Td data-label="By">{by === undefined ? 'not known' : <Said>{by}</Said>}</Table.Td>
                      <Table.Td data-label="Name">
                        <Said>{name}</Said>
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
              <Group gap="sm">
                <Button
                  size="compact-md"
                  variant="light"
                  aria-describedby="why-lift"
                  {...(actions.lift?.allowed === true
                    ? { onClick: () => setLifting(true) }
                    : { 'data-disabled': true, 'aria-disabled': true })}
                >
                  Lift a freeze
                </Button>
                <Text size="sm" id="why-lift">
                  <Said>{actions.lift?.because ?? ''}</Said>
                </Text>
              </Group>
              {lifting && <LiftDialog freezes={items} close={() => setLifting(false)} />}
            </>
          )
        }
      </Fetched>
      <Section title="What a freeze of everything stops at this moment">
        <Fetched of={useQuery(freezeEffect(client, 'all'))}>{(data) => <Effect of={data} />}</Fetched>
      </Section>
    </Stack>
  );
}
