import type { Release } from '@headgate/contract';
import { Code, Group, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Fetched } from '../../parts/fetched.tsx';
import { Instant } from '../../parts/instant.tsx';
import { Mark } from '../../parts/mark.tsx';
import { More } from '../../parts/more.tsx';
import { type Order, OrderSelect } from '../../parts/order-select.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing } from '../../parts/section.tsx';
import { releases } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { usePageTitle } from '../../shell/page-title.ts';
import { NAME } from '../../words/names.ts';
import { counted, type Stands } from '../../words/stands.ts';
import { shortDigest } from '../../words/visible.ts';

/** Releases, the newest first or the oldest, a page at a time. */
export function Releases() {
  usePageTitle('Releases');
  const [application, setApplication] = useState('');
  const [order, setOrder] = useState<Order>('desc');
  const named = NAME.test(application.trim()) ? application.trim() : undefined;
  const pages = useInfiniteQuery(releases(useClient(), named, order));
  return (
    <Stack>
      <Title order={1} size="h2">
        Releases
      </Title>
      <Group align="flex-end">
        <TextInput label="Application" value={application} onChange={(e) => setApplication(e.currentTarget.value)} />
        <OrderSelect value={order} onChange={setOrder} />
      </Group>
      <Fetched of={pages}>
        {(data) => {
          const items = data.pages.flatMap((page) => page.items);
          if (items.length === 0)
            return <Nothing>{named === undefined ? 'No release is registered yet.' : `${named} has none.`}</Nothing>;
          return <Rows releases={items} />;
        }}
      </Fetched>
      <More of={pages} />
    </Stack>
  );
}

function Rows({ releases: items }: { readonly releases: readonly Release[] }) {
  return (
    <Table className="rows" aria-label="releases">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Release</Table.Th>
          <Table.Th>Signature</Table.Th>
          <Table.Th>Evidence</Table.Th>
          <Table.Th>Promoted to</Table.Th>
          <Table.Th>Registered</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {items.map((each) => (
          <Table.Tr key={each.ref.digest}>
            <Table.Td data-label="Release">
              <div>
                <strong>
                  {each.application} {each.ref.version}
                </strong>{' '}
                <Code>{shortDigest(each.ref.digest)}</Code>
                {each.notes !== '' && (
                  <Text size="sm" lineClamp={2}>
                    <Said>{each.notes}</Said>
                  </Text>
                )}
              </div>
            </Table.Td>
            <Table.Td data-label="Signature">
              <Mark of={signatureStands(each)} />
            </Table.Td>
            <Table.Td data-label="Evidence">{evidenceText(each)}</Table.Td>
            <Table.Td data-label="Promoted to">
              {each.promoted.length === 0 ? (
                nowhere(each)
              ) : (
                <div>
                  {each.promoted.map(({ environment, at }) => (
                    <Text size="sm" key={`${environment} ${at}`}>
                      {environment}, <Instant at={at} away={false} />
                    </Text>
                  ))}
                </div>
              )}
            </Table.Td>
            <Table.Td data-label="Registered">
              <div>
                <Instant at={each.registeredAt} away={false} /> by <Said>{each.registeredBy}</Said>
              </div>
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function signatureStands({ signature, origin }: Release): Stands {
  if (signature === null) return { word: origin === 'adopted' ? 'adopted as it was' : 'none', tone: 'gray' };
  return signature.verified ? { word: 'verified', tone: 'teal' } : { word: 'not verified', tone: 'red' };
}

/** What was adopted runs where it was found, and was promoted nowhere. */
function nowhere({ origin }: Release): string {
  return origin === 'adopted' ? 'nowhere: it ran when its cell was adopted' : 'nowhere yet';
}

function evidenceText({ evidence }: Release): string {
  const sums = evidence.flatMap(({ result }) => (result === undefined ? [] : [result]));
  if (evidence.length === 0) return 'none';
  const failed = sums.reduce((sum, { failed: n }) => sum + n, 0);
  const passed = sums.reduce((sum, { passed: n }) => sum + n, 0);
  const tests = sums.length === 0 ? '' : `: ${passed} passed, ${failed} failed`;
  return `${counted(evidence.length, 'statement')}${tests}`;
}
