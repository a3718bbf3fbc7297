import type { Cell, CellState } from '@headgate/contract';
import { Alert, Code, Group, List, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ClosedOperations } from '../../parts/closed-operations.tsx';
import { Fetched } from '../../parts/fetched.tsx';
import { Instant } from '../../parts/instant.tsx';
import { Mark } from '../../parts/mark.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';
import { Some } from '../../parts/some.tsx';
import { Vaults } from '../../parts/vaults.tsx';
import { cell, restorations } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { usePageTitle } from '../../shell/page-title.ts';
import { namesOfBoth } from '../../words/cells.ts';
import { shortDigest } from '../../words/visible.ts';

/** One cell: what it should be beside what was seen. */
export function CellPage({ name }: { readonly name: string }) {
  usePageTitle(`Cell ${name}`);
  return (
    <Stack gap="xl">
      <Title order={1} size="h2">
        Cell <Said>{name}</Said>
      </Title>
      <Fetched of={useQuery(cell(useClient(), name))}>{(data) => <Shown cell={data} />}</Fetched>
    </Stack>
  );
}

function Shown({ cell: { name, desired, observed, uncertain, vaults } }: { readonly cell: Cell }) {
  const seen = observed?.state ?? null;
  const either = seen ?? desired;
  const drift = Object.entries(seen?.stores ?? {}).flatMap(([store, { drift = [] }]) =>
    drift.map((why) => ({ store, why })),
  );
  return (
    <>
      <Stack gap={4}>
        {either !== null && (
          <Text>
            <Said>{either.application}</Said> in <Said>{either.environment}</Said>
          </Text>
        )}
        <Text size="sm" c="dimmed">
          {observed === null ? (
            'No agent has observed it yet.'
          ) : (
            <>
              Observed <Instant at={observed.at} /> by <Said>{observed.by}</Said>. While a promotion moves a cell, what
              was seen runs ahead of what should be.
            </>
          )}
        </Text>
      </Stack>
      {desired === null && (
        <Alert color="yellow" title="Not under control yet">
          <Code>headgate adopt {name}</Code> takes it as it is.
        </Alert>
      )}
      {uncertain && (
        <Alert color="red" title="Uncertain">
          A step ended here whose effect nobody confirmed. The next promotion looks before it acts.
        </Alert>
      )}
      {drift.length > 0 && (
        <Alert color="red" title="Changed by hand">
          {drift.map(({ store, why }) => (
            <Text size="sm" key={`${store} ${why}`}>
              store {store}: <Said>{why}</Said>
            </Text>
          ))}
        </Alert>
      )}
      <ClosedOperations of={[{ cell: name, ...(seen?.closed && { closed: seen.closed }) }]} />
      <Slots desired={desired} seen={seen} />
      <Stores desired={desired} seen={seen} />
      <Tenants desired={desired} seen={seen} />
      <Vaults of={vaults} />
      <BroughtBack cell={name} />
    </>
  );
}

/** What was brought back in it out of restore points, the newest first. */
function BroughtBack({ cell: name }: { readonly cell: string }) {
  return (
    <Section title="Brought back">
      <Fetched of={useQuery(restorations(useClient(), name))}>
        {({ items }) =>
          items.length === 0 ? (
            <Nothing>Nothing, as far as its agent told.</Nothing>
          ) : (
            <List size="sm" spacing={4}>
              {items.map((each) => (
                <List.Item key={each.evidence}>
                  <Instant at={each.at} />, by <Said>{each.by ?? 'somebody'}</Said>: <Said>{each.words}</Said>
                </List.Item>
              ))}
            </List>
          )
        }
      </Fetched>
    </Section>
  );
}

interface Both {
  readonly desired: CellState | null;
  readonly seen: CellState | null;
}

function Slots({ desired, seen }: Both) {
  const release = (state: CellState | null, slot: string) => {
    const of = state?.slots[slot]?.release;
    return of === undefined ? (
      <Nothing>empty</Nothing>
    ) : (
      <>
        {of.version} <Code>{shortDigest(of.digest)}</Code>
      </>
    );
  };
  return (
    <Section title="Slots">
      <Beside
        head="Slot"
        label="slots"
        rows={namesOfBoth(desired?.slots, seen?.slots)}
        differs={(slot) => desired?.slots[slot]?.release?.digest !== seen?.slots[slot]?.release?.digest}
        both={{ desired, seen }}
        show={release}
      />
    </Section>
  );
}

function Stores({ desired, seen }: Both) {
  const schema = (state: CellState | null, store: string) => {
    const version = state?.stores[store]?.schemaVersion;
    return version === undefined ? <Nothing>none</Nothing> : `schema ${version}`;
  };
  return (
    <Section title="Stores">
      <Beside
        head="Store"
        label="stores"
        rows={namesOfBoth(desired?.stores, seen?.stores)}
        differs={(store) => desired?.stores[store]?.schemaVersion !== seen?.stores[store]?.schemaVersion}
        both={{ desired, seen }}
        show={schema}
      />
    </Section>
  );
}

function Tenants({ desired, seen }: Both) {
  const [part, setPart] = useState('');
  const all = namesOfBoth(desired?.tenants, seen?.tenants);
  const rows = all.filter((name) => name.includes(part.trim().toLowerCase()));
  const where = (state: CellState | null, tenant: string) => {
    const of = state?.tenants[tenant];
    if (of === undefined) return <Nothing>not here</Nothing>;
    const version = state?.slots[of.slot]?.release?.version ?? 'nothing';
    return (
      <Group gap="xs">
        {`${version}, slot ${of.slot}, store ${of.store}, ring ${of.ring}`}
        {of.held && <Mark of={{ word: 'held', tone: 'orange' }} />}
      </Group>
    );
  };
  const route = (state: CellState | null, tenant: string) => {
    const of = state?.tenants[tenant];
    return of === undefined ? '' : `${of.slot} ${of.store} ${of.held ?? ''}`;
  };
  return (
    <Section title={`Tenants (${all.length.toLocaleString('en')})`}>
      {all.length > 20 && (
        <TextInput label="Find a tenant" value={part} onChange={(e) => setPart(e.currentTarget.value)} maw={320} />
      )}
      <Beside
        head="Tenant"
        label="tenants"
        rows={rows}
        differs={(t) => route(desired, t) !== route(seen, t)}
        both={{ desired, seen }}
        show={where}
      />
    </Section>
  );
}

/** What should be beside what was seen; where both are known and differ, it is said. */
function Beside(props: {
  readonly head: string;
  readonly label: string;
  readonly rows: readonly string[];
  readonly both: Both;
  readonly differs: (name: string) => boolean;
  readonly show: (state: CellState | null, name: string) => React.ReactNode;
}) {
  const { desired, seen } = props.both;
  if (props.rows.length === 0) return <Nothing>There are none.</Nothing>;
  return (
    <Some of={props.rows} noun="row" first={50}>
      {(some) => (
        <Table className="rows" aria-label={props.label} layout="fixed">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{props.head}</Table.Th>
              <Table.Th>Should be</Table.Th>
              <Table.Th>Was seen</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {some.map((name) => (
              <Table.Tr key={name}>
                <Table.Td data-label={props.head}>
                  <Group gap="xs">
                    <Said>{name}</Said>
                    {desired !== null && seen !== null && props.differs(name) && (
                      <Mark of={{ word: 'differs', tone: 'yellow' }} />
                    )}
                  </Group>
                </Table.Td>
                <Table.Td data-label="Should be">
                  {desired === null ? <Nothing>not known yet</Nothing> : props.show(desired, name)}
                </Table.Td>
                <Table.Td data-label="Was seen">
                  {seen === null ? <Nothing>not seen yet</Nothing> : props.show(seen, name)}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Some>
  );
}
