import { Stack, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Trouble } from '../parts/trouble.tsx';

/** What stands at an address that is no page's. */
export function NoSuchPage() {
  return (
    <Stack>
      <Title order={1} size="h2">
        There is no such page
      </Title>
      <Text>
        Everything begins at the <Link to="/">overview</Link>.
      </Text>
    </Stack>
  );
}

/** What stands where drawing a page failed. */
export function Broken({ error }: { readonly error: unknown }) {
  return <Trouble of={error} again={() => location.reload()} />;
}
