import type { Vault } from '@headgate/contract';
import { List, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { vaultStands } from '../words/matters.ts';
import { Mark } from './mark.tsx';
import { Said } from './said.tsx';
import { Section } from './section.tsx';

/** What could be brought back of stores by what lies in their vaults; nothing where no agent tells of any. */
export function Vaults({ of = [] }: { readonly of?: readonly Vault[] | undefined }) {
  if (of.length === 0) return null;
  return (
    <Section title="What could be brought back">
      <List size="sm" spacing={4}>
        {of.map(({ cell, store, state, words, mend }) => (
          <List.Item key={`${cell}/${store}`}>
            <Link to="/cells/$cell" params={{ cell }}>
              {cell}
            </Link>
            /{store}: <Mark of={vaultStands(state)} /> <Said>{words}</Said>
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
