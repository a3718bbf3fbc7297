import { Center, Loader } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Trouble } from './trouble.tsx';

/** What a query brought, or that it is under way, or why it didn't. What was there before stays under a fresh trouble. */
export function Fetched<T>({ of, children }: { of: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (of.data === undefined) {
    if (of.error !== null) return <Trouble of={of.error} again={() => of.refetch()} />;
    return (
      <Center p="xl">
        <Loader aria-label="loading" />
      </Center>
    );
  }
  return (
    <>
      {of.error !== null && <Trouble of={of.error} again={() => of.refetch()} />}
      {children(of.data)}
    </>
  );
}
