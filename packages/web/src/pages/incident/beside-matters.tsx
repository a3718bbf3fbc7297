import type { Incident } from '@headgate/contract';
import { List, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Instant } from '../../parts/instant.tsx';
import { Mark } from '../../parts/mark.tsx';
import { Said } from '../../parts/said.tsx';
import { Section } from '../../parts/section.tsx';
import { standbyStands } from '../../words/matters.ts';

type Reconciled = NonNullable<Incident['reconciled']>;
type Standbys = NonNullable<Incident['standbys']>;

/** What people had carried out to put transactions right; nothing where nobody did. */
export function ByPeople({ of = [] }: { readonly of?: Reconciled | undefined }) {
  if (of.length === 0) return null;
  return (
    <Section title="What people reconciled">
      <List size="sm" spacing={4}>
        {of.map(({ environment, cell, store, at, by, agrees, words }) => (
          <List.Item key={`${cell}/${store}`}>
            <Link to="/cells/$cell" params={{ cell }}>
              {environment}/{cell}
            </Link>
            /{store}, <Instant at={at} /> by <Said>{by}</Said>: <Said>{words}</Said>
            {!agrees && (
              <>
                {' '}
                <Mark of={{ word: 'differs', tone: 'red' }} />
              </>
            )}
          </List.Item>
        ))}
      </List>
    </Section>
  );
}

/** Where one could fail over to, and what stands against it; nothing where no standby is known of. */
export function Standbys({ of = [] }: { readonly of?: Standbys | undefined }) {
  if (of.length === 0) return null;
  return (
    <Section title="Where one could fail over to">
      <List size="sm" spacing={4}>
        {of.map(({ cell, store, name, state, words, mend }) => (
          <List.Item key={`${cell}/${store}/${name}`}>
            <Link to="/cells/$cell" params={{ cell }}>
              {cell}
            </Link>
            /{store}, <Said>{name}</Said>: <Mark of={standbyStands(state)} /> <Said>{words}</Said>
            {mend !== '' && (
              <Text size="sm">
                To mend: <Said>{mend}</Said>
              </Text>
            )}
          </List.Item>
        ))}
      </List>
    </Section>
  );
}
