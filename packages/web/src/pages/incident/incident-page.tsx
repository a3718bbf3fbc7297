import type { Incident } from '@headgate/contract';
import { Alert, Group, List, NativeSelect, Paper, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { EnvironmentSelect } from '../../parts/environment-select.tsx';
import { Fetched } from '../../parts/fetched.tsx';
import { Instant } from '../../parts/instant.tsx';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';
import { Vaults } from '../../parts/vaults.tsx';
import { incident, type LookBack } from '../../queries.ts';
import { useClient } from '../../session/use-client.ts';
import { usePageTitle } from '../../shell/page-title.ts';
import { LOOK_BACK_HOURS } from '../../words/matters.ts';
import { counted } from '../../words/stands.ts';
import { FreezeButton } from '../freezes/freeze-button.tsx';
import { ByPeople, Standbys } from './beside-matters.tsx';
import { Calls } from './calls.tsx';
import { MatterCard } from './matter.tsx';
import { Tenants } from './tenants.tsx';

/** Which tenants, which transactions, whom to call: on one screen, in the order in which it is needed at night. */
export function IncidentPage() {
  usePageTitle('Incident');
  const [look, setLook] = useState<LookBack>({ hours: 6 });
  const found = useQuery(incident(useClient(), look));
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="flex-end">
        <Title order={1} size="h2">
          Incident
        </Title>
        <Group>
          <EnvironmentSelect
            value={look.environment}
            onChange={(environment) =>
              setLook({ hours: look.hours, ...(environment === undefined ? {} : { environment }) })
            }
          />
          <NativeSelect
            label="Looking back"
            value={String(look.hours)}
            onChange={({ currentTarget: { value } }) => setLook({ ...look, hours: Number(value) })}
            data={LOOK_BACK_HOURS.map((each) => ({ value: String(each), label: counted(each, 'hour') }))}
          />
        </Group>
      </Group>
      <Fetched of={found}>{(data) => <Shown incident={data} look={look} />}</Fetched>
    </Stack>
  );
}

function Shown({ incident: found, look }: { readonly incident: Incident; readonly look: LookBack }) {
  const { counts, matters, unknown, underWay, changes, at, restored = [] } = found;
  const [only] = new Set(matters.map((m) => m.environment)).size === 1 ? matters : [];
  return (
    <>
      <Text role="status" fw={600}>
        <Said>{found.summary}</Said>
      </Text>
      {counts.matters > 0 && (
        <div className="counts">
          <Count of={counts.held} word="tenants held" alarming />
          <Count of={counts.tenants} word="tenants reached" />
          <Count of={counts.cells} word="cells" />
          <Count of={counts.matters} word="matters" />
        </div>
      )}
      <FreezeButton says={found.actions.freeze} {...(only === undefined ? {} : { scope: only.environment })} />
      {counts.matters > 0 && <Calls calls={found.calls} />}
      <Unknown lines={unknown} />
      {counts.tenants > 0 && <Tenants key={`${look.environment ?? ''} ${look.hours}`} incident={found} look={look} />}
      <Section title="What is the matter, and what can be done">
        {matters.length === 0 && <Nothing>Nothing that is known.</Nothing>}
        {matters.map((matter) => (
          <MatterCard key={matter.key} matter={matter} />
        ))}
        {counts.matters > matters.length && (
          <Nothing>
            {counted(counts.matters - matters.length, 'more matter')}: look at one environment at a time.
          </Nothing>
        )}
      </Section>
      <Section title="What changed in this time">
        {changes.length + underWay.length + restored.length === 0 && (
          <Nothing>No promotion is under way, and none ended.</Nothing>
        )}
        <List size="sm" spacing={4}>
          {underWay.map((each) => (
            <List.Item key={each.promotion}>
              <Link to="/promotions/$promotion" params={{ promotion: each.promotion }}>
                {each.application} {each.release.version} to {each.environment}
              </Link>
              : under way, {each.words}
            </List.Item>
          ))}
          {changes.map((change) => (
            <List.Item key={change.promotion}>
              <Link to="/promotions/$promotion" params={{ promotion: change.promotion }}>
                {change.application} {change.release.version} to {change.environment}
              </Link>
              : {change.result}, <Instant at={change.at} />
            </List.Item>
          ))}
          {restored.map((each) => (
            <List.Item key={`${each.cell} ${each.at} ${each.words}`}>
              <Link to="/cells/$cell" params={{ cell: each.cell }}>
                {each.cell}
              </Link>{' '}
              in {each.environment}: <Said>{each.words}</Said>, by <Said>{each.by ?? 'somebody'}</Said>,{' '}
              <Instant at={each.at} />
            </List.Item>
          ))}
        </List>
      </Section>
      <ByPeople of={found.reconciled} />
      <Standbys of={found.standbys} />
      <Vaults of={found.vaults} />
      <Text size="sm" c="dimmed">
        As of <Instant at={at} away={false} />
      </Text>
    </>
  );
}

function Count(props: { readonly of: number; readonly word: string; readonly alarming?: boolean }) {
  return (
    <Paper withBorder radius="md" p="xs" ta="center">
      <Text fz={28} fw={700} lh={1.1} {...(props.alarming === true && props.of > 0 ? { c: 'red' } : {})}>
        {props.of.toLocaleString('en')}
      </Text>
      <Text size="sm">{props.word}</Text>
    </Paper>
  );
}

/** What isn't known stands beside what is: silence is never taken for calm. */
function Unknown({ lines }: { readonly lines: readonly string[] }) {
  if (lines.length === 0) return null;
  return (
    <Alert color="yellow" title="What is not known" component="section">
      <List size="sm">
        {lines.map((line) => (
          <List.Item key={line}>
            <Said>{line}</Said>
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}
