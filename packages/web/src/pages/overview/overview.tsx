import { Alert, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Fetched } from '../../parts/fetched.tsx';
import { Instant } from '../../parts/instant.tsx';
import { pipelines, status } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { usePageTitle } from '../../shell/page-title.ts';
import { Care } from './care.tsx';
import { Environments } from './environments.tsx';
import { Moving } from './moving.tsx';
import { Waiting } from './waiting.tsx';

/** What is where, what moves, what waits for whom. */
export function Overview() {
  usePageTitle('Overview');
  const client = useClient();
  const stands = useQuery(status(client));
  const order = useQuery(pipelines(client));
  return (
    <Stack gap="xl">
      <Title order={1} size="h2">
        Overview
      </Title>
      <Fetched of={stands}>
        {(data) => (
          <>
            {data.truncated && (
              <Alert color="yellow" title="There is more than one look shows">
                The lists below were cut at their bounds; the command line lists everything.
              </Alert>
            )}
            <Care status={data} />
            <Waiting waits={data.waits} promotions={data.promotions} />
            <Moving promotions={data.promotions} />
            <Environments cells={data.cells} pipelines={order.data ?? []} />
            <Text size="sm" c="dimmed">
              As of <Instant at={data.at} away={false} />
            </Text>
          </>
        )}
      </Fetched>
    </Stack>
  );
}
