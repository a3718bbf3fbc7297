import type { GoingBack as Decisions } from '@headgate/contract';
import { List, Text } from '@mantine/core';
import { Said } from '../../parts/said.tsx';
import { Some } from '../../parts/some.tsx';

type Way = Decisions['data'][number]['ways'][number];

const WAYS: Readonly<Record<Way['way'], string>> = {
  'keep-schema': 'the schema is kept',
  'undo-migration': 'the migration is taken back',
  restore: 'it is restored',
  'forward-fix': 'a release goes forward',
  'point-in-time': 'a person recovers a moment',
};

const LOSES: Readonly<Record<Way['loses'], string>> = {
  nothing: 'nothing',
  'what-it-took': 'what it took away or changed',
  'written-since': 'what was written since its restore point',
  'not-known': 'what was written into what it made, and nobody knows how much that is',
};

/** Going back as two decisions: the application's, at once, and the data's, store by store. */
export function GoingBack({ of: { application, data, conditions } }: { readonly of: Decisions }) {
  return (
    <>
      <Text size="sm" fw={600}>
        Going back takes two decisions: the application’s, at once
        {data.length === 0 ? '' : ', and one of its own for the data'}.
      </Text>
      <List size="sm">
        {application.map(({ cells, serves, withDataFrom, because }) => (
          <List.Item key={cells.join()}>
            <Said>
              {`${cells.slice(0, 3).join(', ')}${cells.length > 3 ? ` and ${cells.length - 3} more` : ''}: ${serves} serves again${withDataFrom === undefined ? ', from every step on' : `, until ${withDataFrom}`}; ${because}`}
            </Said>
          </List.Item>
        ))}
      </List>
      <Some of={data} noun="store" first={3}>
        {(some) => (
          <List size="sm">
            {some.map(({ stores, step, ways }) => (
              <List.Item key={`${step} ${stores[0]}`}>
                <Said>{`Store ${stores.slice(0, 3).join(', ')}, once ${step} has begun: ${planned(ways)}`}</Said>
              </List.Item>
            ))}
          </List>
        )}
      </Some>
      {conditions.map((each) => (
        <Text size="sm" key={each}>
          The release says, it is to go back when: <Said>{each}</Said>
        </Text>
      ))}
    </>
  );
}

function planned(ways: readonly Way[]): string {
  const way = ways.find(({ stands }) => stands === 'planned');
  if (way === undefined) return 'nothing is planned';
  const from = way.losesFrom === undefined || way.losesFrom === way.from ? '' : ` from ${way.losesFrom} on`;
  const asks = way.approver === undefined ? '' : `; ${way.approver} must agree${from}`;
  return `${WAYS[way.way]}: ${way.because}. It loses ${LOSES[way.loses]}${asks}`;
}
