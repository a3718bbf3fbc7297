import type { Explanation } from '@headgate/contract';
import { Table, Text } from '@mantine/core';
import { Mark } from '../../parts/mark.tsx';
import { Said } from '../../parts/said.tsx';
import { Section } from '../../parts/section.tsx';
import { verdictStands } from '../../words/stands.ts';

/** The gates before the next wave, while it waits to open, as they stand now: verdict, reason, and what would open them. */
export function Gates({ gates }: Pick<Explanation, 'gates'>) {
  if (gates.length === 0) return null;
  return (
    <Section title="Gates before the next wave">
      <Table className="rows" aria-label="gates">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Gate</Table.Th>
            <Table.Th>Verdict</Table.Th>
            <Table.Th>Because</Table.Th>
            <Table.Th>What opens it</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {gates.map(({ gate, verdict, because, unblock, who }, i) => (
            // A policy may name a gate twice; their order is the policy's.
            // biome-ignore lint/suspicious/noArrayIndexKey: see above
            <Table.Tr key={`${gate} ${i}`}>
              <Table.Td data-label="Gate">{gate}</Table.Td>
              <Table.Td data-label="Verdict">
                <Mark of={verdictStands(verdict)} />
              </Table.Td>
              <Table.Td data-label="Because">
                <Said>{because}</Said>
              </Table.Td>
              <Table.Td data-label="Opens by">
                {verdict === 'pass' || verdict === 'waived' ? (
                  <Text c="dimmed" size="sm">
                    it is open
                  </Text>
                ) : (
                  <span>
                    <strong>{who}</strong>: <Said>{unblock}</Said>
                  </span>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Section>
  );
}
