import { Group, Stack, Text, Title } from '@mantine/core';
import { type ReactNode, useId } from 'react';

/** A part of a page under a heading, which also names it for whoever doesn't see it. */
export function Section(props: { readonly title: string; readonly beside?: ReactNode; readonly children: ReactNode }) {
  const id = useId();
  return (
    <Stack component="section" gap="sm" aria-labelledby={id}>
      <Group justify="space-between" align="baseline">
        <Title order={2} size="h4" id={id}>
          {props.title}
        </Title>
        {props.beside}
      </Group>
      {props.children}
    </Stack>
  );
}

/** What stands where there is nothing. */
export function Nothing({ children }: { readonly children: ReactNode }) {
  return (
    <Text c="dimmed" size="sm">
      {children}
    </Text>
  );
}
