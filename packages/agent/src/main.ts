#!/usr/bin/env node
/** The agent's program. Turns the compile cache on before anything large is loaded: a restart must be quick. */
import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

enableCompileCache();
const [command, ...rest] = process.argv.slice(2);
if (command === 'mask') {
  // A command of its own, beside no agent: it needs little of what an agent is made of.
  const { mask } = await import('./commands/mask.ts');
  process.exitCode = await mask(rest);
} else if (command === 'restore-points') {
  const { restorePoints } = await import('./commands/restore-points.ts');
  process.exitCode = await restorePoints(rest);
} else if (command === 'reconcile') {
  const { reconcile } = await import('./commands/reconcile.ts');
  process.exitCode = await reconcile(rest);
} else if (command === 'compare') {
  const { compare } = await import('./commands/compare.ts');
  process.exitCode = await compare(rest);
} else if (command === 'drill') {
  const { drill } = await import('./commands/drill.ts');
  process.exitCode = await drill(rest);
} else if (command === 'recover') {
  const { recover } = await import('./commands/recover.ts');
  process.exitCode = await recover(rest);
} else if (command === 'dr') {
  const { dr } = await import('./commands/dr.ts');
  process.exitCode = await dr(rest);
} else if (command === 'recover-tenant') {
  const { recoverTenant } = await import('./commands/recover-tenant.ts');
  process.exitCode = await recoverTenant(rest);
} else if (command === 'recover-store') {
  const { recoverStore } = await import('./commands/recover-store.ts');
  process.exitCode = await recoverStore(rest);
} else if (command === 'synthesize') {
  const { synthesize } = await import('./commands/synthesize.ts');
  process.exitCode = await synthesize(rest);
} else if (command === 'backup') {
  const { backup } = await import('./commands/backup.ts');
  process.exitCode = await backup(rest);
} else if (command === 'rehearse') {
  const { rehearse } = await import('./commands/rehearse.ts');
  process.exitCode = await rehearse(rest);
} else if (command === 'stop') {
  const { stop } = await import('./commands/stop.ts');
  process.exitCode = await stop(rest);
} else if (command === 'leave') {
  const { leave } = await import('./commands/leave.ts');
  process.exitCode = await leave(rest);
} else {
  // An agent rests most of its time, beside those whose machine it is. Loading itself it would have V8 make room for new objects
  // many times over, and keep it for ever. What works through much data has a command of its own, above.
  setFlagsFromString('--semi-space-growth-factor=1');
  const { runProgram } = await import('./program.ts');
  await runProgram(process.argv.slice(2));
}
