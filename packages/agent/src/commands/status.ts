/** `headgate-agent status`: how things stand here, whether the server is there or not. */

import { visibleJson } from '@headgate/contract';
import { type BackupStanding, standingLines, wrongWithBackup } from '@headgate/documents';
import { elsewhereText, serverElsewhere } from '../away/elsewhere.ts';
import { knock } from '../away/knock.ts';
import { exitOf, STATUS_EXIT, statusText } from '../away/status.ts';
import { standingOf } from '../backups/standing-file.ts';
import type { AgentConfig } from '../config.ts';
import { print, printJson } from '../output.ts';
import { halfWayIn } from '../recover-store/half-way.ts';

/** Prints it, and answers the exit code. `file` is the configuration’s. */
export async function showStatus(config: AgentConfig, file: string, json: boolean): Promise<number> {
  const { dataDir, name, server } = config;
  const running = await knock(dataDir);
  const standings = await Promise.all(config.backups.map((backup) => standingOf(config, backup)));
  const backups = standings.map((standing) => ({ ...standing, wrong: wrongWithBackup(standing, Date.now()) }));
  const kept = { ...(backups.length > 0 && { backups }) };
  const keptText = standings.map(backupText).join('');
  if (running === undefined) {
    const why = `${name} does not run: nothing here is kept or watched; start it with \`headgate-agent run --config ${file}\``;
    const elsewhere = await serverElsewhere(dataDir, server);
    const moved = elsewhere === undefined ? '' : `it would ask ${server}; ${elsewhereText(file, elsewhere)}\n`;
    const halfWay = await halfWayHere(config);
    print(
      json
        ? `${visibleJson({ agent: name, running: false, ...(Object.keys(halfWay).length > 0 && { halfWay }), ...(elsewhere && { server: { url: server, elsewhere } }), ...kept })}\n`
        : `${why}\n${halfWayText(halfWay)}${moved}${keptText}`,
    );
    return Object.keys(halfWay).length > 0 ? STATUS_EXIT.standsStill : STATUS_EXIT.notRunning;
  }
  const status = await running.status();
  // The address that the running agent asks, which may be another one than stands in the file by now.
  const { url, awaySince } = status.server;
  const elsewhere = awaySince === null ? undefined : await serverElsewhere(dataDir, url);
  const said = elsewhere === undefined ? status : { ...status, server: { ...status.server, elsewhere } };
  if (json) printJson({ ...said, ...kept });
  else
    print(
      `${statusText(status)}${keptText}${awaySince === null ? '' : `\n${whatMends(file, server, url, elsewhere)}\n`}`,
    );
  return exitOf(status);
}

/** By cell, why it is left alone. */
async function halfWayHere({ dataDir, cells }: AgentConfig): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const cell of cells) {
    const why = await halfWayIn(dataDir, cell).catch((error: Error) => error.message);
    if (why !== undefined) found[cell.cell] = why;
  }
  return found;
}

function halfWayText(halfWay: Readonly<Record<string, string>>): string {
  return Object.entries(halfWay)
    .map(([cell, why]) => `cell ${cell}: HALF WAY: ${why}\n`)
    .join('');
}

/** One backup beside the stores. */
function backupText(standing: BackupStanding): string {
  return `\n${standingLines(standing, Date.now()).join('\n')}\n`;
}

/** What mends it: the file may have been mended already, and the agent reads it as it starts. */
function whatMends(
  file: string,
  written: string,
  asked: string,
  elsewhere: Parameters<typeof elsewhereText>[1],
): string {
  return written === asked
    ? elsewhereText(file, elsewhere)
    : `it asks ${asked}, and ${file} says ${written} by now: headgate-agent stop --config ${file} --agent-only && headgate-agent run --config ${file}`;
}
