import type { Promotion } from '@headgate/contract';
import { Alert, Code, Group, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { ClosedOperations } from '../../parts/closed-operations.tsx';
import { Fetched } from '../../parts/fetched.tsx';
import { Instant } from '../../parts/instant.tsx';
import { Mark } from '../../parts/mark.tsx';
import { Progress } from '../../parts/progress.tsx';
import { Said } from '../../parts/said.tsx';
import { explanation, promotion, status } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { usePageTitle } from '../../shell/page-title.ts';
import { promotionStands } from '../../words/stands.ts';
import { shortDigest } from '../../words/visible.ts';
import { Actions } from './actions.tsx';
import { Approvals } from './approvals.tsx';
import { Evidence } from './evidence.tsx';
import { Gates } from './gates.tsx';
import { Migrations } from './migrations.tsx';
import { Objections } from './objections.tsx';
import { Plan } from './plan.tsx';
import { Questions } from './questions.tsx';
import { Waits } from './waits.tsx';

/** One promotion: where it stands and why, what can be done, and its plan as it is carried out. */
export function PromotionPage({ id }: { readonly id: string }) {
  const client = useClient();
  const shown = useQuery(promotion(client, id));
  const why = useQuery(explanation(client, id));
  const { data: named } = shown;
  usePageTitle(
    named === undefined ? 'Promotion' : `${named.application} ${named.release.version} to ${named.environment}`,
  );
  return (
    <Fetched of={shown}>
      {(data) => (
        <Stack gap="xl">
          <Head promotion={data} summary={why.data?.summary ?? ''} />
          <Closed promotion={data} />
          <Questions promotion={data} />
          <Actions promotion={data} />
          {data.phase !== 'ended' && (
            <Fetched of={why}>
              {({ waits, waitsLeft = 0, gates, objections = [], objectionsLeft }) => (
                <>
                  {/* Before the first wave it waits for them, and says so below. */}
                  {data.wave > 0 && <Objections of={objections} left={objectionsLeft} />}
                  <Waits waits={waits} />
                  {waitsLeft > 0 && (
                    <Text size="sm">And {waitsLeft} more cells wait; the plan below has every cell.</Text>
                  )}
                  <Gates gates={gates} />
                </>
              )}
            </Fetched>
          )}
          <Migrations promotion={data} />
          <Plan promotion={data} />
          <Approvals promotion={data} />
          <Evidence promotion={data} />
        </Stack>
      )}
    </Fetched>
  );
}

/** What is closed where it goes, while it is on its way. */
function Closed({ promotion: { application, environment, phase } }: { readonly promotion: Promotion }) {
  const { data } = useQuery({ ...status(useClient()), enabled: phase !== 'ended' });
  const cells = data?.cells.filter((cell) => cell.application === application && cell.environment === environment);
  if (phase === 'ended' || cells === undefined) return null;
  return <ClosedOperations of={cells.map(({ name, closed }) => ({ cell: name, ...(closed && { closed }) }))} />;
}

function Head({ promotion: p, summary }: { readonly promotion: Promotion; readonly summary: string }) {
  return (
    <Stack gap="xs">
      <Group justify="space-between" align="flex-start">
        <Title order={1} size="h2">
          {p.application} {p.release.version} to {p.environment}
        </Title>
        <Mark of={promotionStands(p)} />
      </Group>
      <Text role="status">
        <Said>{summary}</Said>
      </Text>
      <Progress promotion={p} />
      {p.only !== undefined && (
        <Alert color="blue">Only for {p.only.count} of its tenants; everybody else stays where they are.</Alert>
      )}
      {p.overtakes !== undefined && (
        <Alert color="orange">
          A hotfix: it overtakes <Code>{p.overtakes}</Code>, and needs one approval more than usual.
        </Alert>
      )}
      {p.takenBack !== undefined && (
        <Alert color="red" title="Taken back after it had ended">
          {p.takenBack.cells.map(({ cell, to, because, since, at }) => (
            <Text size="sm" key={cell}>
              Cell {cell}
              {to !== undefined && <>, to {to.version}</>}, between <Instant at={since} /> and <Instant at={at} />:{' '}
              <Said>{because}</Said>
            </Text>
          ))}
          {p.takenBack.cellCount > p.takenBack.cells.length && (
            <Text size="sm">And {p.takenBack.cellCount - p.takenBack.cells.length} more cells.</Text>
          )}
          {p.takenBack.left.map((left) => (
            <Text size="sm" key={left}>
              Still to do: <Said>{left}</Said>
            </Text>
          ))}
        </Alert>
      )}
      {p.overtakenBy !== undefined && (
        <Alert color="orange">
          Overtaken by <Code>{p.overtakenBy}</Code>: what was half way goes back, what was done stays.
        </Alert>
      )}
      <Text size="sm" c="dimmed">
        Asked for by <Said>{p.requester}</Said>. Release <Code>{shortDigest(p.release.digest)}</Code>, envelope{' '}
        <Code>{shortDigest(p.envelope)}</Code>, <Code>{p.id}</Code>.{' '}
        {p.at === undefined ? (
          <>
            No step forward starts after <Instant at={p.latestFinish} />.
          </>
        ) : (
          <>
            Ended <Instant at={p.at} />.
          </>
        )}
      </Text>
    </Stack>
  );
}
