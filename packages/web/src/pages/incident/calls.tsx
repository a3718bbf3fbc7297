import type { Call } from '@headgate/contract';
import { Group, Paper, Text } from '@mantine/core';
import { Mark } from '../../parts/mark.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';
import { mailLink, phoneLink } from '../../words/contacts.ts';

/** Whom to call, in this order, and why. */
export function Calls({ calls }: { readonly calls: readonly Call[] }) {
  return (
    <Section title="Whom to call">
      {calls.length === 0 && (
        <Nothing>Nobody is declared: applications, environments and tenants take contacts.</Nothing>
      )}
      <ol className="calls" aria-label="whom to call, first one first">
        {calls.map((call, i) => (
          <Paper withBorder radius="md" p="sm" component="li" key={`${call.of} ${call.name} ${call.role}`}>
            <Group gap="xs">
              <Text fw={600} component="span">
                {i + 1}. <Said>{call.name}</Said>
              </Text>
              <Mark of={{ word: call.role, tone: i === 0 ? 'blue' : 'gray' }} />
              {call.hours !== undefined && (
                <Text size="sm" c="dimmed" component="span">
                  <Said>{call.hours}</Said>
                </Text>
              )}
            </Group>
            <Group gap="md">
              {call.phone !== undefined && (
                <a className="reach" href={phoneLink(call.phone)}>
                  {call.phone}
                </a>
              )}
              {call.email !== undefined && (
                <a className="reach" href={mailLink(call.email)}>
                  {call.email}
                </a>
              )}
              {call.chat !== undefined && (
                <Text component="span" className="reach">
                  <Said>{call.chat}</Said>
                </Text>
              )}
            </Group>
            <Text size="sm">
              <Said>{call.because}</Said>
            </Text>
          </Paper>
        ))}
      </ol>
    </Section>
  );
}
