import type { Promotion, Release } from '@headgate/contract';
import { Code, List, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Fetched } from '../../parts/fetched.tsx';
import { Instant } from '../../parts/instant.tsx';
import { Mark } from '../../parts/mark.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';
import { release } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { shortDigest } from '../../words/visible.ts';

/** What speaks for the release: its signature, its evidence, and where it ran before. */
export function Evidence({ promotion }: { readonly promotion: Promotion }) {
  return (
    <Section title="Evidence">
      <Fetched of={useQuery(release(useClient(), promotion.release.digest))}>
        {(data) => <Shown release={data} />}
      </Fetched>
    </Section>
  );
}

const verified = (yes: boolean) =>
  yes ? ({ word: 'verified', tone: 'teal' } as const) : ({ word: 'not verified', tone: 'red' } as const);

function Shown({
  release: { signature, evidence, promoted, authors, notes, registeredAt, registeredBy },
}: {
  readonly release: Release;
}) {
  return (
    <Stack gap="xs">
      <Text size="sm" component="div">
        Signature:{' '}
        {signature === null ? (
          'none; it was adopted as it ran'
        ) : (
          <>
            <Mark of={verified(signature.verified)} /> key <Code>{signature.keyId.slice(0, 16)}</Code>
          </>
        )}
      </Text>
      {evidence.length === 0 && <Nothing>No evidence is attached.</Nothing>}
      <List size="sm" spacing={4}>
        {evidence.map(({ digest, predicateType, verified: yes, keyId, result }) => (
          <List.Item key={digest}>
            <Mark of={verified(yes)} /> <Said>{predicateType}</Said>
            {result !== undefined &&
              `: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped, exit code ${result.exitCode}`}
            ; key <Code>{keyId.slice(0, 16)}</Code>, bundle <Code>{shortDigest(digest)}</Code>
          </List.Item>
        ))}
        {promoted.map(({ environment, at }) => (
          <List.Item key={environment}>
            promoted to <Said>{environment}</Said> <Instant at={at} />
          </List.Item>
        ))}
      </List>
      {notes !== '' && (
        <Text size="sm">
          <Said>{notes}</Said>
        </Text>
      )}
      <Text size="sm" c="dimmed">
        By <Said>{authors.join(', ') || 'nobody named'}</Said>; registered <Instant at={registeredAt} /> by{' '}
        <Said>{registeredBy}</Said>
      </Text>
    </Stack>
  );
}
