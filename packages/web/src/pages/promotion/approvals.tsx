import type { Promotion } from '@headgate/contract';
import { List } from '@mantine/core';
import { Instant } from '../../parts/instant.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';

const PROOF = {
  signed: 'signed with their own key',
  'server-attested': 'on the server’s word: their token was used',
} as const;

/** Who approved it, until when that counts, and what proves it. */
export function Approvals({ promotion: { approvals } }: { readonly promotion: Promotion }) {
  return (
    <Section title="Approvals">
      {approvals.length === 0 ? (
        <Nothing>Nobody has approved it.</Nothing>
      ) : (
        <List size="sm">
          {approvals.map(({ by, at, expiresAt, proof }) => (
            <List.Item key={by}>
              <Said>{by}</Said>, <Instant at={at} />, {PROOF[proof]}; counts until <Instant at={expiresAt} />
            </List.Item>
          ))}
        </List>
      )}
    </Section>
  );
}
