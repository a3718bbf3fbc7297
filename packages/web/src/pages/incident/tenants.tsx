import type { AffectedTenant, Incident } from '@headgate/contract';
import { Group, Switch, Table, Text, TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Fetched } from '../../parts/fetched.tsx';
import { Away } from '../../parts/instant.tsx';
import { Mark } from '../../parts/mark.tsx';
import { More } from '../../parts/more.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';
import { incidentTenants, type LookBack } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { heldStands } from '../../words/matters.ts';
import { counted } from '../../words/stands.ts';

/** Tenants' names as the API takes their beginnings. */
const BEGINNING = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Whom it reaches: those that are held first, a page at a time. */
export function Tenants({ incident, look }: { readonly incident: Incident; readonly look: LookBack }) {
  const { counts, tenants } = incident;
  const [begins, setBegins] = useState('');
  const [held, setHeld] = useState(false);
  const [asked, setAsked] = useState(false);
  const typed = begins.trim().toLowerCase();
  const prefix = BEGINNING.test(typed) ? typed : undefined;
  const filtered = prefix !== undefined || held || asked;
  const pages = useInfiniteQuery({ ...incidentTenants(useClient(), look, held, prefix), enabled: filtered });
  return (
    <Section title={`Which tenants (${counted(counts.tenants, 'tenant')}, ${counts.held.toLocaleString('en')} held)`}>
      {counts.tenants > 5 && (
        <Group align="flex-end">
          <TextInput
            label="Find a tenant"
            description="by how its name begins"
            value={begins}
            onChange={(event) => setBegins(event.currentTarget.value)}
          />
          <Switch label="Only those held" checked={held} onChange={(event) => setHeld(event.currentTarget.checked)} />
        </Group>
      )}
      {filtered ? (
        <Fetched of={pages}>
          {(data) => (
            <>
              <Rows tenants={data.pages.flatMap(({ items }) => items)} />
              <More of={pages} />
            </>
          )}
        </Fetched>
      ) : (
        <>
          <Rows tenants={tenants.items} />
          {tenants.next !== null && (
            <More of={{ hasNextPage: true, isFetchingNextPage: false, fetchNextPage: () => setAsked(true) }} />
          )}
        </>
      )}
    </Section>
  );
}

function Rows({ tenants }: { readonly tenants: readonly AffectedTenant[] }) {
  if (tenants.length === 0) return <Nothing>None that fits.</Nothing>;
  return (
    <Table className="rows" aria-label="tenants that it reaches">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Tenant</Table.Th>
          <Table.Th>Stands</Table.Th>
          <Table.Th>Release</Table.Th>
          <Table.Th>Since</Table.Th>
          <Table.Th>Ring, level</Table.Th>
          <Table.Th>Seen</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {tenants.map((t) => (
          <Table.Tr key={`${t.cell}/${t.tenant}`}>
            <Table.Td data-label="Tenant">
              <div>
                <strong>
                  <Said>{t.tenant}</Said>
                </strong>{' '}
                <Link to="/cells/$cell" params={{ cell: t.cell }}>
                  {t.cell}
                </Link>
              </div>
            </Table.Td>
            <Table.Td data-label="Stands">
              <Mark of={heldStands(t.held)} />
            </Table.Td>
            <Table.Td data-label="Release">{t.release === null ? 'not known' : <Said>{t.release}</Said>}</Table.Td>
            <Table.Td data-label="Since">{t.since === null ? 'not known' : <Away at={t.since} />}</Table.Td>
            <Table.Td data-label="Ring, level">
              <Text size="sm" component="span">
                <Said>{t.serviceLevel === null ? t.ring : `${t.ring}, ${t.serviceLevel}`}</Said>
              </Text>
            </Table.Td>
            <Table.Td data-label="Seen">{t.seenAt === null ? 'never' : <Away at={t.seenAt} />}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
