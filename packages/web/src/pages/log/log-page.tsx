import type { LogEvent } from '@headgate/contract';
import { Button, Group, NumberInput, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Fetched } from '../../parts/fetched.tsx';
import { Instant } from '../../parts/instant.tsx';
import { More } from '../../parts/more.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing } from '../../parts/section.tsx';
import { logBefore } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { usePageTitle } from '../../shell/page-title.ts';
import { dataText, type PlacedEvent } from '../../words/entries.ts';

/** The log, the newest entry first. It stands still while it is read: a button fetches what came since. */
export function LogPage() {
  usePageTitle('Log');
  const [before, setBefore] = useState<number>();
  const [part, setPart] = useState('');
  const pages = useInfiniteQuery(logBefore(useClient(), before));
  return (
    <Stack>
      <Title order={1} size="h2">
        Log
      </Title>
      <Text size="sm" c="dimmed">
        Every decision and outcome. Whether it is whole and unchanged, <code>headgate log verify</code> proves.
      </Text>
      <Group align="flex-end">
        <NumberInput
          label="Before place"
          description="empty: the newest"
          min={1}
          allowDecimal={false}
          allowNegative={false}
          value={before ?? ''}
          onChange={(value) => setBefore(typeof value === 'number' && value > 0 ? value : undefined)}
        />
        <TextInput
          label="Of what is shown, only with"
          description="in the words, the type, the stream or who did it"
          value={part}
          onChange={(event) => setPart(event.currentTarget.value)}
        />
        <Button variant="default" onClick={() => pages.refetch()} loading={pages.isRefetching}>
          What came since
        </Button>
      </Group>
      <Fetched of={pages}>
        {(data) => {
          const all = data.pages.flatMap(({ items }) => items);
          const items = all.filter((each) => fits(each, part.trim()));
          if (items.length === 0)
            return <Nothing>{all.length === 0 ? 'There is no entry.' : 'None of the entries shown has that.'}</Nothing>;
          return <Rows items={items} />;
        }}
      </Fetched>
      <More of={pages} />
    </Stack>
  );
}

function fits({ event, words }: PlacedEvent, part: string): boolean {
  if (part === '') return true;
  return event !== undefined && [event.type, event.stream, event.by, words].some((text) => text.includes(part));
}

function Rows({ items }: { readonly items: readonly PlacedEvent[] }) {
  return (
    <Table className="rows" aria-label="entries of the log">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Place</Table.Th>
          <Table.Th>At</Table.Th>
          <Table.Th>Of</Table.Th>
          <Table.Th miw={140}>By</Table.Th>
          <Table.Th>What</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {items.map(({ place, event, words }) => (
          <Table.Tr key={place}>
            <Table.Td data-label="Place">{place}</Table.Td>
            <Table.Td data-label="At">{event === undefined ? '' : <Instant at={event.at} away={false} />}</Table.Td>
            <Table.Td data-label="Of">{event !== undefined && <Stream of={event.stream} />}</Table.Td>
            <Table.Td data-label="By">{event !== undefined && <Said>{event.by}</Said>}</Table.Td>
            <Table.Td data-label="What">
              {event === undefined ? 'this page can’t read it' : <What event={event} words={words} />}
            </Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

/** In words, and what they are made of for whoever looks closer. */
function What({ event, words }: { readonly event: LogEvent; readonly words: string }) {
  return (
    <div>
      <Said>{words === '' ? event.type : words}</Said>
      <details>
        <summary>{event.type}</summary>
        <Text size="sm" className="mono">
          <Said>{dataText(event.data)}</Said>
        </Text>
      </details>
    </div>
  );
}

/** Leads to the page of what it is about, where there is one. */
function Stream({ of }: { readonly of: string }) {
  const [kind = '', id = ''] = [of.slice(0, of.indexOf('/')), of.slice(of.indexOf('/') + 1)];
  if (kind === 'cell')
    return (
      <Link to="/cells/$cell" params={{ cell: id }}>
        {of}
      </Link>
    );
  if (kind === 'promotion' || kind === 'rollout')
    return (
      <Link to="/promotions/$promotion" params={{ promotion: id.split('.')[0] ?? id }}>
        <Said>{of}</Said>
      </Link>
    );
  return <Said>{of}</Said>;
}
