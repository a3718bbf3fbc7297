import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Approve by a scripted second principal, and end after the closing table. */
  readonly once: boolean;
  readonly json: boolean;
  readonly dataDir: string;
  readonly port: number | undefined;
  readonly databaseUrl: string | undefined;
}

const HELP = `[options]

  --once               approve by a scripted second person, end after the closing table
  --json               print the closing figures as the last line, as JSON
  --data DIR           where everything is kept (default ./.headgate)
  --port N             the server's port (default 7070, or the next free one)
  --database-url URL   run the control plane on this PostgreSQL (15 or later) instead of the embedded one
`;

export type Parsed =
  | { readonly ok: true; readonly options: DemoOptions }
  | { readonly ok: false; readonly text: string; readonly code: number };

/** `command`: what a person typed before the options; `more`: help on options that the caller takes itself. */
export function parseOptions(argv: readonly string[], cwd: string, command = 'npm start --', more = ''): Parsed {
  const help = `${command} ${HELP}${more}`;
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        once: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        data: { type: 'string' },
        port: { type: 'string' },
        'database-url': { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return { ok: false, text: help, code: 0 };
    const port = values.port === undefined ? undefined : Number(values.port);
    if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535))
      return { ok: false, text: `--port takes a number from 1 to 65535, found "${values.port}"\n\n${help}`, code: 2 };
    return {
      ok: true,
      options: {
        once: values.once,
        json: values.json,
        dataDir: values.data ?? `${cwd}/.headgate`,
        port,
        databaseUrl: values['database-url'],
      },
    };
  } catch (error) {
    return { ok: false, text: `${(error as Error).message}\n\n${help}`, code: 2 };
  }
}
