import { ProblemError, type Refusal, ServerUnreachable } from '@headgate/contract';
import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { Said } from './said.tsx';

/** What went wrong, as the server says it: what, why, and what would unblock it. */
export function Trouble({ of, again }: { readonly of: unknown; readonly again?: (() => void) | undefined }) {
  return (
    <Alert color="red" title={titleOf(of)} role="alert">
      <Stack gap="xs">
        {refusalsOf(of).map(({ code, what, where, why, unblock }) => (
          <Stack gap={2} key={`${code} ${where} ${why}`}>
            <Text size="sm">
              <Said>{why === '' ? what : why}</Said>
            </Text>
            {unblock !== '' && (
              <Text size="sm">
                What helps: <Said>{unblock}</Said>
              </Text>
            )}
          </Stack>
        ))}
        {again !== undefined && (
          <Group>
            <Button size="xs" variant="light" color="red" onClick={again}>
              Try again
            </Button>
          </Group>
        )}
      </Stack>
    </Alert>
  );
}

function titleOf(error: unknown): string {
  if (error instanceof ProblemError) return error.problem.title;
  return error instanceof ServerUnreachable ? 'The server doesn’t answer' : 'This page met a fault of its own';
}

function refusalsOf(error: unknown): readonly Refusal[] {
  if (error instanceof ProblemError && error.problem.refusals.length > 0) return error.problem.refusals;
  const away = error instanceof ServerUnreachable;
  const unblock = away
    ? 'nothing is known about whether it had an effect; look again when the server is back'
    : 'load the page again';
  return [
    { code: 'trouble', what: '', where: '', why: error instanceof Error ? error.message : String(error), unblock },
  ];
}
