import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, ProblemError } from '@headgate/contract';
import { parseVerifierKey } from '@headgate/documents';
import { agentsAstray } from '../agents/agent-addresses.ts';
import { verifyLog } from '../log/verify-log.ts';
import { agents } from './agents-check.ts';
import { type Check, ok, unknown, wrong } from './finding.ts';
import { pins } from './pins-check.ts';
import { rows } from './rows-check.ts';
import { standbys } from './standbys-check.ts';
import { vaults } from './vaults-check.ts';

/** What checks of a server are told. */
export interface ServerFacts {
  readonly server: string;
  readonly client: Client;
  /** Where the client's token was read from. */
  readonly tokenFile: string;
  readonly folder: string | undefined;
  /** The working folder, in which what mends is typed. */
  readonly cwd: string;
  /** Milliseconds since 1970, by this machine. */
  readonly now: () => number;
}

/** By how much two clocks may differ before dates in evidence and approvals mislead. Milliseconds. */
const MOST_SKEW_MS = 5_000;
const ANSWER_MS = 5_000;

/** The check of the token: where that isn't accepted, nothing else that the server knows can be told. */
export const TOKEN = 'token';

const ready: Check<ServerFacts> = {
  name: 'server',
  async look({ server, folder, cwd }) {
    const answer = await fetch(`${server}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => undefined);
    if (answer === undefined) {
      const others = agentsAstray({ folder, cwd }, server).map(({ agent, asks }) => `${agent} asks ${asks}`);
      return [
        wrong(
          this.name,
          [`${server} doesn't answer`, ...others].join('; '),
          'start headgate-server, or say where it is: --server URL, or HEADGATE_SERVER',
        ),
      ];
    }
    const { parts } = (await answer.json()) as { parts: readonly { part: string; ready: boolean; why: string }[] };
    const away = parts.filter((part) => !part.ready);
    // Which versions are there, in an upgrade's midst.
    const others = parts.find(({ part }) => part === 'servers')?.why;
    const ready = `${server} is ready (${parts.map(({ part }) => part).join(', ')})`;
    if (away.length === 0) return [ok(this.name, others ? `${ready}; ${others}` : ready)];
    return away.map(({ part, why }) =>
      wrong(this.name, `${part} isn't ready: ${why}`, `look at the server's log for ${part}`),
    );
  },
};

const clock: Check<ServerFacts> = {
  name: 'clock',
  async look({ client, now }) {
    const asked = now();
    const { at } = await client.call('status');
    // Somewhere between asking and being answered.
    const answered = now();
    const skewMs = at < asked ? asked - at : Math.max(0, at - answered);
    const why = `this machine and the control plane differ by ${Math.round(skewMs)} ms`;
    return [skewMs <= MOST_SKEW_MS ? ok(this.name, why) : wrong(this.name, why, 'set both clocks by NTP')];
  },
};

const rights: Check<ServerFacts> = {
  name: TOKEN,
  async look({ client, server, tokenFile }) {
    const me = await client.call('whoami').catch((error: unknown) => {
      if (error instanceof ProblemError && error.status === 401) return undefined;
      throw error;
    });
    if (me === undefined)
      return [
        wrong(
          this.name,
          `${server} doesn’t accept the token that was read from ${tokenFile}`,
          'name another one with --token-file FILE, or HEADGATE_TOKEN_FILE; the administrator’s is secrets/admin.token in the server’s data folder, and a lost one is made anew with: headgate principal rotate ID --token-out FILE',
        ),
      ];
    const { id, roles } = me;
    return [ok(this.name, `${id} may act as ${roles.join(', ')}`)];
  },
};

const log: Check<ServerFacts> = {
  name: 'log',
  async look({ client, folder }) {
    const keyFile = folder === undefined ? undefined : join(folder, 'log.pub');
    if (folder === undefined || keyFile === undefined || !existsSync(keyFile))
      return [unknown(this.name, 'the log’s key isn’t on this machine', 'headgate log verify --key KEY')];
    const key = parseVerifierKey(readFileSync(keyFile, 'utf8').trim());
    if (!key.ok) return [wrong(this.name, `${keyFile}: ${key.why}`, key.unblock)];
    const held = join(folder, 'agent', 'tree-head.note');
    const note = existsSync(held) ? readFileSync(held, 'utf8') : undefined;
    const verified = await verifyLog(client, note, [key.key]);
    const against = note === undefined ? ' (no agent’s head is on this machine, so a cut tail wouldn’t show)' : '';
    if (verified.ok) return [ok(this.name, `${verified.entries} entries verify${against}`)];
    if (verified.code === 'no-head') return [unknown(this.name, 'no tree head is signed yet', 'ask again in a moment')];
    const restored = await restoredSince(client, verified.code);
    if (restored !== undefined) return [unknown(this.name, `${verified.why}${restored.why}`, restored.unblock)];
    return [
      wrong(
        this.name,
        verified.why ?? 'it does not verify',
        'change nothing, keep the agents’ heads, and find out who wrote to the database',
      ),
    ];
  },
};

/** What a head of before a restore of the control plane looks like. That there was one is the server's word. */
async function restoredSince(client: ServerFacts['client'], code: string | undefined) {
  if (code !== 'head-shrunk' && code !== 'head-forked') return undefined;
  const { recovery } = await client.call('showRecovery');
  if (recovery === null) return undefined;
  const { at, by, because, gap } = recovery;
  return {
    why: `; the server says that it was restored at ${new Date(at).toISOString()} by ${by} (${because}): ${gap}`,
    unblock:
      'if you know of that restore: headgate-agent accept-restored-log --config FILE, on this machine too; if not, change nothing, and find out who wrote to the database',
  };
}

const database: Check<ServerFacts> = {
  name: 'database',
  async look({ folder }) {
    if (folder !== undefined && existsSync(join(folder, 'database.port')))
      return [ok(this.name, 'the embedded PostgreSQL 18, kept by the server: for evaluation')];
    return [
      unknown(
        this.name,
        'the server doesn’t say which PostgreSQL it is on',
        'ask it: select version(); 15 or later is needed',
      ),
    ];
  },
};

/** Checks that ask the server. */
export const SERVER_CHECKS: readonly Check<ServerFacts>[] = [
  ready,
  clock,
  rights,
  agents,
  pins,
  standbys,
  vaults,
  log,
  rows,
  database,
];
