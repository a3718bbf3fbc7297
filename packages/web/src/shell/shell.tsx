import { Badge, Button, Container, Group, Text, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet } from '@tanstack/react-router';
import { useLiveness } from '../live/liveness.tsx';
import { Said } from '../parts/said.tsx';
import { whoami } from '../queries.ts';
import { signOut } from '../session/session.ts';
import { useClient } from '../session/use-client.ts';
import { FrozenBanner } from './frozen-banner.tsx';

/** The frame of every page: where to go, who is signed in, and whether what is shown is live. */
export function Shell() {
  return (
    <>
      <a href="#content" className="skip">
        Skip to the content
      </a>
      <header className="head">
        <Container size="xl">
          <Group justify="space-between" gap="xs">
            <Group gap="lg">
              <Link to="/" className="brand">
                Headgate
              </Link>
              <Group component="nav" aria-label="Pages" gap="md">
                <Link to="/" activeOptions={{ exact: true }} className="place">
                  Overview
                </Link>
                {PLACES.map(({ to, name }) => (
                  <Link key={to} to={to} className="place">
                    {name}
                  </Link>
                ))}
              </Group>
            </Group>
            <Person />
          </Group>
        </Container>
      </header>
      <FrozenBanner />
      <Container size="xl" component="main" id="content" tabIndex={-1} py="lg">
        <Outlet />
      </Container>
    </>
  );
}

const PLACES = [
  { to: '/incident', name: 'Incident' },
  { to: '/promotions', name: 'Promotions' },
  { to: '/releases', name: 'Releases' },
  { to: '/freezes', name: 'Freezes' },
  { to: '/log', name: 'Log' },
] as const;

const LIVE = {
  live: { color: 'teal', word: 'live', title: 'Changes are shown as they happen' },
  connecting: { color: 'gray', word: 'connecting', title: 'Changes are asked for every few seconds until it is live' },
  asking: {
    color: 'yellow',
    word: 'every 5 s',
    title: 'No stream of changes: what is shown is asked for every 5 seconds',
  },
} as const;

function Person() {
  const { data } = useQuery(whoami(useClient()));
  const live = LIVE[useLiveness()];
  return (
    <Group gap="xs">
      <Badge
        color={live.color}
        variant="dot"
        tt="none"
        title={live.title}
        role="status"
        aria-label={`Updates: ${live.word}`}
      >
        {live.word}
      </Badge>
      {data !== undefined && (
        <Text size="sm" title={data.roles.join(', ')}>
          <Said>{data.id}</Said>
        </Text>
      )}
      <ColourScheme />
      <Button size="compact-sm" variant="default" onClick={() => signOut()}>
        Sign out
      </Button>
    </Group>
  );
}

function ColourScheme() {
  const { setColorScheme } = useMantineColorScheme();
  const other = useComputedColorScheme('light') === 'light' ? 'dark' : 'light';
  return (
    <Button size="compact-sm" variant="default" onClick={() => setColorScheme(other)} aria-label={`Show it ${other}`}>
      {other === 'dark' ? 'Dark' : 'Light'}
    </Button>
  );
}
