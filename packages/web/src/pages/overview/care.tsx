import type { Status } from '@headgate/contract';
import { Alert, List } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Instant } from '../../parts/instant.tsx';
import { Said } from '../../parts/said.tsx';
import { Some } from '../../parts/some.tsx';

/** What asks for a look: what agents took back late, watches after a promotion, stores changed by hand. What is frozen stands above every page. */
export function Care({ status: { hypercare, cells, takenBack = [] } }: { readonly status: Status }) {
  const odd = cells.flatMap((cell) => [
    ...cell.drift.map(({ store, why }) => ({ cell: cell.name, why: `store ${store} was changed by hand: ${why}` })),
    ...(cell.uncertain ? [{ cell: cell.name, why: 'a step ended here whose effect nobody confirmed' }] : []),
  ]);
  return (
    <>
      {odd.length > 0 && (
        <Alert color="red" title="Not as Headgate left it">
          <Some of={odd} noun="finding">
            {(some) => (
              <List size="sm">
                {some.map(({ cell, why }) => (
                  <List.Item key={`${cell} ${why}`}>
                    <Link to="/cells/$cell" params={{ cell }}>
                      {cell}
                    </Link>
                    : <Said>{why}</Said>
                  </List.Item>
                ))}
              </List>
            )}
          </Some>
        </Alert>
      )}
      {takenBack.length > 0 && (
        <Alert color="red" title="Taken back after it had ended">
          <Some of={takenBack} noun="promotion">
            {(some) => (
              <List size="sm">
                {some.map(({ promotion, application, environment, release, result, words }) => (
                  <List.Item key={promotion}>
                    <Link to="/promotions/$promotion" params={{ promotion }}>
                      {application} {release.version} to {environment}
                    </Link>
                    : {result}, <Said>{words}</Said>
                  </List.Item>
                ))}
              </List>
            )}
          </Some>
        </Alert>
      )}
      {hypercare.length > 0 && (
        <Alert color={hypercare.some((h) => h.phase === 'alarmed') ? 'red' : 'teal'} title="Watched after a promotion">
          <List size="sm">
            {hypercare.map(({ environment, phase, promotion, until }) => (
              <List.Item key={environment}>
                <strong>{environment}</strong>: {phase}
                {until !== null && (
                  <>
                    {' '}
                    until <Instant at={until} />
                  </>
                )}
                ,{' '}
                <Link to="/promotions/$promotion" params={{ promotion }}>
                  its promotion
                </Link>
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
    </>
  );
}
