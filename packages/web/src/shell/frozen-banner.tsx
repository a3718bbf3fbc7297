import { Alert, Button, Container, Group, List } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useNow } from '../live/use-now.ts';
import { LiftDialog } from '../pages/freezes/lift-dialog.tsx';
import { FreezeText } from '../parts/freeze-text.tsx';
import { freezes } from '../queries.ts';
import { useClient } from '../session/use-client.ts';

/** As many as stand above every page. */
const FIRST = 3;

/** What is frozen, above every page: nobody may wonder why nothing moves. */
export function FrozenBanner() {
  const { data, error } = useQuery(freezes(useClient()));
  const now = useNow();
  const [lifting, setLifting] = useState(false);
  if (data === undefined)
    return error === null ? null : (
      <Container size="xl" pt="sm">
        <Alert color="yellow" title="Whether something is frozen isn’t known: the server doesn’t say" />
      </Container>
    );
  const { items, actions } = data;
  if (items.length === 0) return null;
  return (
    <Container size="xl" pt="sm" component="aside" aria-label="Frozen">
      <Alert color="blue" title="Frozen: no step forward begins; the way back stays open" role="status">
        <List size="sm">
          {items.slice(0, FIRST).map((freeze) => (
            <List.Item key={`${freeze.scope}/${freeze.name}`}>
              <FreezeText of={freeze} now={now} />
            </List.Item>
          ))}
        </List>
        <Group mt="xs" gap="sm">
          {actions.lift?.allowed === true && (
            <Button size="compact-sm" variant="light" onClick={() => setLifting(true)}>
              Lift
            </Button>
          )}
          <Link to="/freezes">
            {items.length > FIRST ? `${items.length - FIRST} more, and what they stop` : 'what it stops'}
          </Link>
        </Group>
      </Alert>
      {lifting && <LiftDialog freezes={items} close={() => setLifting(false)} />}
    </Container>
  );
}
