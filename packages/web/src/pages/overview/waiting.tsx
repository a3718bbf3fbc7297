import type { Status, Wait } from '@headgate/contract';
import { Paper, Stack, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Said } from '../../parts/said.tsx';
import { Nothing, Section } from '../../parts/section.tsx';
import { Some } from '../../parts/some.tsx';
import { WaitText } from '../../parts/wait-text.tsx';
import { promotionOf, waitsForPeople } from '../../words/waits.ts';

/** What waits for somebody, the next deadline first; what agents and time do by themselves is only counted. */
export function Waiting(props: { readonly waits: readonly Wait[]; readonly promotions: Status['promotions'] }) {
  const { people, others } = waitsForPeople(props.waits);
  const named = new Map(props.promotions.map(({ promotion }) => [promotion.id, promotion]));
  return (
    <Section title="Waits for somebody">
      {people.length === 0 && (
        <Nothing>Nothing waits for a person{others > 0 ? `; ${others} more go on by agents or by time` : ''}.</Nothing>
      )}
      <Some of={people} noun="wait" first={10}>
        {(some) => (
          <Stack gap="xs">
            {some.map((wait) => {
              const id = promotionOf(wait.where);
              const of = named.get(id);
              return (
                <Paper withBorder p="sm" radius="md" key={`${wait.where} ${wait.cell ?? ''} ${wait.why}`}>
                  <Text fw={600} component="div">
                    <Link to="/promotions/$promotion" params={{ promotion: id }}>
                      {of === undefined ? id : `${of.application} ${of.release.version} to ${of.environment}`}
                    </Link>
                    {wait.cell !== undefined && (
                      <>
                        , cell <Said>{wait.cell}</Said>
                      </>
                    )}
                  </Text>
                  <WaitText wait={wait} />
                </Paper>
              );
            })}
          </Stack>
        )}
      </Some>
      {people.length > 0 && others > 0 && <Nothing>{others} more go on by agents or by time.</Nothing>}
    </Section>
  );
}
