/** `headgate-agent reconcile … --carry-out PLAN`: asks the agent that runs here; where none does, does its work. */

import { writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { visibleJson } from '@headgate/contract';
import type { Refusal } from '@headgate/domain';
import { SHIPPED, startAgent } from '../agent.ts';
import { sayRefusal } from '../assignments/refused.ts';
import type { Behind } from '../away/door.ts';
import { knock } from '../away/knock.ts';
import { notOurs } from '../away/not-ours.ts';
import type { AgentConfig } from '../config.ts';
import { openLog } from '../log.ts';
import { print, warn } from '../output.ts';
import { carriedOutLines } from '../reconcile/carried-out-words.ts';
import { CarryOutAsk } from '../reconcile/carry-out-ask.ts';
import { RECONCILE_EXIT } from '../reconcile/exits.ts';
import { type ReadDocument, readBundle, readPlan } from '../reconcile/read-files.ts';
import { complain } from './command-line.ts';

export interface CarryOutOptions {
  readonly approval?: readonly string[] | undefined;
  readonly as?: string | undefined;
  readonly statement?: string | undefined;
  readonly json?: boolean | undefined;
}

export async function carryOutPlan(
  config: AgentConfig,
  { content }: ReadDocument,
  planFile: string,
  { approval: files = [], as: by, statement, json }: CarryOutOptions,
): Promise<number> {
  const asked = CarryOutAsk.safeParse({
    plan: await readPlan(planFile),
    document: JSON.parse(JSON.stringify(content)),
    approvals: await Promise.all(files.map(async (file) => ({ file, bundle: await readBundle(file) }))),
    ...(by !== undefined && { by }),
    user: `uid-${userInfo().uid}`,
  });
  if (!asked.success) return complain('--as takes an id of letters, digits and . _ : @ -', RECONCILE_EXIT.usage);
  const progress = (line: string): void => void (json === true || warn(`${line}\n`));
  const through = async (behind: Behind): Promise<number> => {
    const ended = await behind.carryOut(asked.data, progress);
    if (!ended.ok) return refused(ended.refusal);
    const { facts, statement: bundle, leftAlone, told } = ended.value;
    if (statement !== undefined) await writeFile(statement, `${JSON.stringify(bundle)}\n`, { mode: 0o600 });
    const key = resolve(config.dataDir, 'reconciliation.pem.pub');
    const lines = carriedOutLines(ended.value, content.spec, { statement, key });
    print(json === true ? `${visibleJson({ ...facts, leftAlone, told })}\n` : `${lines.join('\n')}\n`);
    return facts.agrees ? RECONCILE_EXIT.agree : RECONCILE_EXIT.differ;
  };
  const running = await knock(config.dataDir);
  if (running !== undefined) return through(running);
  const strange = await notOurs(config.dataDir, undefined, undefined, 'carry a plan out where no agent runs');
  if (strange !== undefined) return refused(strange);
  progress('No agent runs here: this command does its work, and stops it again.');
  const agent = await startAgent(config, SHIPPED, openLog(config.name, 'error'), 'alone');
  try {
    return await through(agent.behind);
  } finally {
    await agent.stop();
  }
}

function refused(refusal: Refusal): number {
  const code = refusal.code === 'not-compared' ? RECONCILE_EXIT.unreadable : RECONCILE_EXIT.refused;
  return complain(sayRefusal(refusal), code);
}
