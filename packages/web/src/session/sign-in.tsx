import { Alert, Button, Center, Code, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { Trouble } from '../parts/trouble.tsx';
import { endedBecause, signIn } from './session.ts';

/** What a header can carry. */
const SENDABLE = /^[\x21-\x7e]+$/;

/** Asks for a token once. It goes into the request's header and this tab's storage, and nowhere else. */
export function SignIn() {
  const [token, setToken] = useState('');
  const [trouble, setTrouble] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const ended = endedBecause();
  const odd = token.trim() !== '' && !SENDABLE.test(token.trim());

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setTrouble(undefined);
    await signIn(token.trim()).catch(setTrouble);
    setBusy(false);
  }

  return (
    <Center component="main" mih="100vh" p="md">
      <Paper withBorder radius="md" p="xl" w="100%" maw={480}>
        <form onSubmit={submit} autoComplete="off">
          <Stack>
            <Title order={1} size="h2">
              Headgate
            </Title>
            {ended !== '' && (
              <Alert color="yellow" title="You were signed out" role="status">
                {ended}
              </Alert>
            )}
            <PasswordInput
              label="Token"
              description="The same that the command line signs in with"
              error={odd ? 'There is a space or an unusual character in it: copy it again' : undefined}
              value={token}
              onChange={(event) => setToken(event.currentTarget.value)}
              autoComplete="off"
              spellCheck={false}
              required
              withAsterisk={false}
              data-autofocus
            />
            {trouble !== undefined && <Trouble of={trouble} />}
            <Button type="submit" loading={busy} disabled={token.trim() === '' || odd}>
              Sign in
            </Button>
            <Text size="sm" c="dimmed">
              It is kept in this tab alone and forgotten with it. On the server’s own machine the first tokens lie in
              its data folder: <Code>secrets/approver.token</Code>, <Code>secrets/operator.token</Code> and others, one
              a role.
            </Text>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}
