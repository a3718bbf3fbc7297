import { ProblemError, ServerUnreachable } from '@headgate/contract';
import { createTheme, MantineProvider } from '@mantine/core';
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { createRoot } from 'react-dom/client';
import { OVER } from './live/follow.ts';
import { askAgainMs, Live } from './live/liveness.tsx';
import { router } from './router.tsx';
import { currentSession, onSessionChange, signOut } from './session/session.ts';
import { SignIn } from './session/sign-in.tsx';
import { useSession } from './session/use-client.ts';

const theme = createTheme({
  primaryColor: 'cyan',
  primaryShade: { light: 9, dark: 5 },
  autoContrast: true,
  fontFamily: 'system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace',
});

/** A token that isn't taken any more ends the session, wherever that is noticed. */
function onError(error: unknown): void {
  if (error instanceof ProblemError && error.status === 401 && currentSession() !== undefined) signOut(OVER);
}

const queries = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      // A refusal stays one; only a server that is away is asked again.
      retry: (count, error) => error instanceof ServerUnreachable && count < 2,
      staleTime: 1_000,
      refetchInterval: askAgainMs,
      // This is about one server on one's own network; whether the browser thinks that it is online says nothing.
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});

// What one person could see stays in no cache for the next.
onSessionChange(() => queries.clear());

function App() {
  if (useSession() === undefined) return <SignIn />;
  return (
    <Live>
      <RouterProvider router={router} />
    </Live>
  );
}

/** Draws the page into the index's one element. */
export function start(): void {
  const element = document.getElementById('page');
  if (element === null) throw new Error('the index has no element #page');
  const nonce = document.querySelector<HTMLMetaElement>('meta[name=style-nonce]')?.nonce ?? '';
  createRoot(element).render(
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <QueryClientProvider client={queries}>
        <App />
      </QueryClientProvider>
    </MantineProvider>,
  );
}
