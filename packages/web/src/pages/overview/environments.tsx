import { Badge, Group, Paper, Stack, Table, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Away } from '../../parts/instant.tsx';
import { Mark } from '../../parts/mark.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';
import { Some } from '../../parts/some.tsx';
import { byEnvironment, type StatusCell } from '../../words/environments.ts';
import { counted } from '../../words/stands.ts';

/** What runs where: each environment with the versions that serve its tenants, and its cells. */
export function Environments(props: {
  readonly cells: readonly StatusCell[];
  readonly pipelines: readonly (readonly string[])[];
}) {
  const groups = byEnvironment(props.cells, props.pipelines);
  return (
    <Section title="What is where">
      {groups.length === 0 && <Nothing>No cell is declared or observed yet.</Nothing>}
      {groups.map(({ environment, cells, versions }) => (
        <Paper withBorder p="md" radius="md" key={environment}>
          <Group justify="space-between" mb="xs">
            <Title order={3} size="h5">
              {environment === '' ? 'in no environment yet' : environment}
            </Title>
            <Versions of={versions} />
          </Group>
          <Some of={cells} noun="cell">
            {(some) => (
              <Table className="rows" aria-label={`cells of ${environment}`}>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>Cell</Table.Th>
                    <Table.Th>Tenants by release</Table.Th>
                    <Table.Th>Stores at schema</Table.Th>
                    <Table.Th>Observed</Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {some.map((cell) => (
                    <Row key={cell.name} cell={cell} />
                  ))}
                </Table.Tbody>
              </Table>
            )}
          </Some>
        </Paper>
      ))}
    </Section>
  );
}

function Row({ cell }: { readonly cell: StatusCell }) {
  const stores = Object.entries(cell.stores);
  const odd = cell.drift.length > 0 || cell.uncertain;
  return (
    <Table.Tr>
      <Table.Td data-label="Cell">
        <Group gap="xs">
          <Link to="/cells/$cell" params={{ cell: cell.name }}>
            {cell.name}
          </Link>
          {odd && <Mark of={{ word: 'look here', tone: 'red' }} />}
          {!cell.adopted && <Mark of={{ word: 'not adopted', tone: 'yellow' }} />}
        </Group>
        {cell.closed !== undefined && cell.closed.length > 0 && (
          <Text size="sm">
            closed: <Said>{operationsOf(cell.closed)}</Said>
          </Text>
        )}
      </Table.Td>
      <Table.Td data-label="By release">
        <Versions of={Object.entries(cell.versions)} />
      </Table.Td>
      <Table.Td data-label="Stores">
        <Text size="sm" component="span">
          {stores.slice(0, 4).map(([name, version], i) => (
            <span key={name}>
              {i > 0 && ', '}
              <Said>{`${name} ${version}`}</Said>
            </span>
          ))}
          {stores.length > 4 && ` and ${stores.length - 4} more`}
        </Text>
      </Table.Td>
      <Table.Td data-label="Observed">
        {cell.observedAt === null ? <Text size="sm">never</Text> : <Away at={cell.observedAt} />}
      </Table.Td>
    </Table.Tr>
  );
}

/** The closed operations of a cell, each once, a few by name. */
function operationsOf(closed: NonNullable<StatusCell['closed']>): string {
  const names = [...new Set(closed.map(({ operation }) => operation))];
  return `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;
}

function Versions({ of }: { readonly of: readonly (readonly [string, number])[] }) {
  if (of.length === 0) return <Nothing>nobody lives here</Nothing>;
  return (
    <Stack gap={2}>
      {of.map(([version, tenants]) => (
        <Group gap="xs" key={version} wrap="nowrap">
          <Badge variant="outline" radius="sm" tt="none">
            <Said>{version}</Said>
          </Badge>
          <Text size="sm">{counted(tenants, 'tenant')}</Text>
        </Group>
      ))}
    </Stack>
  );
}
