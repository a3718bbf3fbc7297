/**
 * The router's process: `node main.ts <config file>`. Started detached by the agent (router-process.ts) and left alone
 * when the agent goes. As root it gives up its rights once it has its ports and its modules.
 */
import { readFile } from 'node:fs/promises';
import replyFrom from '@fastify/reply-from';
import Fastify from 'fastify';
import { z } from 'zod';
import { readSecret } from '../../machine/durable-file.ts';
import { buildAdmin } from './admin.ts';
import { CALL_GUARDS } from './call-guards.ts';
import { checkPass } from './check-pass.ts';
import { InFlight } from './in-flight.ts';
import { buildProxy } from './proxy.ts';
import { ReadingCalls } from './reading.ts';
import { RoutingTable } from './routing-table.ts';

const Config = z.strictObject({
  listenPort: z.int(),
  adminPort: z.int(),
  tokenFile: z.string(),
  stateFile: z.string(),
  upstreams: z.record(z.string(), z.int()),
  websockets: z.strictObject({ path: z.string(), ports: z.record(z.string(), z.int()) }).exactOptional(),
  maxBodyBytes: z.int(),
  retryMs: z.int(),
  answerMs: z.int(),
  tenantBy: z.union([z.enum(['path', 'host']), z.strictObject({ one: z.string() })]),
  retryAfterS: z.int(),
  readingCalls: z.array(ReadingCalls).max(100),
  tenantHeader: z
    .strictObject({ name: z.string(), values: z.record(z.string(), z.string()), withBearerOnly: z.boolean() })
    .nullable(),
  callGuard: z.enum(['odoo-rpc']).nullable(),
  user: z.strictObject({ name: z.string(), uid: z.int(), gid: z.int() }).nullable(),
});
export type RouterFileConfig = z.output<typeof Config>;

const configFile = process.argv[2];
if (!configFile) throw new Error('usage: main.ts <config file>');
const config = Config.parse(JSON.parse(await readFile(configFile, 'utf8')));
const token = await readSecret(config.tokenFile);
const table = await RoutingTable.open(config.stateFile, Object.keys(config.upstreams));
const inFlight = new InFlight();
const admin = buildAdmin(token, table, inFlight);
const proxy = await buildProxy(
  { ...config, checkPass: checkPass(token), callGuard: config.callGuard && CALL_GUARDS[config.callGuard] },
  table,
  inFlight,
);

await proxy.listen({ host: '127.0.0.1', port: config.listenPort });
await admin.listen({ host: '127.0.0.1', port: config.adminPort });
await loadEverything();
dropRights();

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    void Promise.all([proxy.close(), admin.close()]).then(() => process.exit(0));
  });
}

/** The proxy's HTTP client loads parts of itself at its first request; do that while we may still read our own files. */
async function loadEverything(): Promise<void> {
  const once = Fastify({ logger: false });
  await once.register(replyFrom, { base: `http://127.0.0.1:${config.adminPort}`, destroyAgent: true });
  once.get('/', (_request, reply) => reply.from('/health'));
  await once.inject('/');
  await once.close();
}

function dropRights(): void {
  if (!config.user || process.getuid?.() !== 0) return;
  process.setgroups?.([]);
  process.setgid?.(config.user.gid);
  process.setuid?.(config.user.uid);
}
