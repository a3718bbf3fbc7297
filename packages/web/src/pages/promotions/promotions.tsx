import { Group, Stack, Switch, Table, Text, Title } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { EnvironmentSelect } from '../../parts/environment-select.tsx';
import { Fetched } from '../../parts/fetched.tsx';
import { Instant } from '../../parts/instant.tsx';
import { Mark } from '../../parts/mark.tsx';
import { More } from '../../parts/more.tsx';
import { type Order, OrderSelect } from '../../parts/order-select.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing } from '../../parts/section.tsx';
import { promotions } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { usePageTitle } from '../../shell/page-title.ts';
import { promotionStands } from '../../words/stands.ts';

/** All promotions, the newest first or the oldest, a page at a time. */
export function Promotions() {
  usePageTitle('Promotions');
  const [open, setOpen] = useState(false);
  const [environment, setEnvironment] = useState<string>();
  const [order, setOrder] = useState<Order>('desc');
  const pages = useInfiniteQuery(promotions(useClient(), open, environment, order));
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h2">
          Promotions
        </Title>
        <Group align="flex-end">
          <EnvironmentSelect value={environment} onChange={setEnvironment} />
          <OrderSelect value={order} onChange={setOrder} />
          <Switch label="Only those that move" checked={open} onChange={(e) => setOpen(e.currentTarget.checked)} />
        </Group>
      </Group>
      <Fetched of={pages}>
        {(data) => {
          const items = data.pages.flatMap((page) => page.items);
          if (items.length === 0)
            return (
              <Nothing>
                {open
                  ? 'Nothing moves.'
                  : `Nobody has asked for a promotion${environment === undefined ? '' : ` to ${environment}`} yet: headgate promote RELEASE --to ${environment ?? 'ENVIRONMENT'}`}
              </Nothing>
            );
          return (
            <Table className="rows" aria-label="promotions">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Promotion</Table.Th>
                  <Table.Th>Stands</Table.Th>
                  <Table.Th>Wave</Table.Th>
                  <Table.Th>Why</Table.Th>
                  <Table.Th>Asked</Table.Th>
                  <Table.Th>Ended</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {items.map((each) => (
                  <Table.Tr key={each.id}>
                    <Table.Td data-label="Promotion">
                      <Link to="/promotions/$promotion" params={{ promotion: each.id }}>
                        {each.application} {each.release.version} to {each.environment}
                      </Link>
                    </Table.Td>
                    <Table.Td data-label="Stands">
                      <Mark of={promotionStands(each)} />
                    </Table.Td>
                    <Table.Td data-label="Wave">
                      {each.wave} of {each.waves}
                    </Table.Td>
                    <Table.Td data-label="Why">
                      <Text size="sm" lineClamp={3}>
                        <Said>{each.because ?? each.question ?? each.undo?.because ?? each.reason ?? ''}</Said>
                      </Text>
                    </Table.Td>
                    <Table.Td data-label="Asked">
                      {each.requestedAt !== undefined && <Instant at={each.requestedAt} away={false} />}
                    </Table.Td>
                    <Table.Td data-label="Ended">{each.at !== undefined && <Instant at={each.at} />}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          );
        }}
      </Fetched>
      <More of={pages} />
    </Stack>
  );
}
