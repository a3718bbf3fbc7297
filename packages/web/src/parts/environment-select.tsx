import { NativeSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { freezeScopes } from '../queries.ts';
import { useClient } from '../session/use-client.ts';

/** One of the environments that are declared, or all of them: nobody has to know how it is spelt. */
export function EnvironmentSelect({
  value,
  onChange,
}: {
  readonly value: string | undefined;
  onChange(environment: string | undefined): void;
}) {
  const scopes = useQuery(freezeScopes(useClient()));
  const environments = (scopes.data ?? []).filter((scope) => !scope.includes(':'));
  return (
    <NativeSelect
      label="Environment"
      value={value ?? ''}
      onChange={({ currentTarget }) => onChange(currentTarget.value === '' ? undefined : currentTarget.value)}
      data={[{ value: '', label: 'all' }, ...environments]}
    />
  );
}
