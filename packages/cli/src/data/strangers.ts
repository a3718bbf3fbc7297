/**
 * What lies in a data folder and isn't Headgate's, as far as names tell. Only where people put things of their own: beside
 * Headgate's folders, among its secrets, in a folder that is named like an agent's. What cells hold is theirs.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

type Names = readonly (string | RegExp)[];

/** What a server, an agent, setup and the demonstrations leave in a data folder. */
const OURS: Names = [
  'secrets',
  'system',
  'backup-drill',
  'ci',
  'cells',
  'control-database',
  'database.port',
  'demo',
  'demo-processes.json',
  'load',
  'log.pub',
  'newest-head.json',
  'odoo',
  'psa',
  'story-begun.json',
  'story-told.json',
  'trust.yaml',
  /^agent(-[a-z0-9-]+)?$/,
  /^(agent|server)\.log$/,
  /^backups\.json/,
  /^format\.json/,
  /^run-\d+$/,
  /^server\.(json|lock\..+)$/,
  /^\.server\.lock-/,
  /\.format-\d+$/,
];

/** What a server leaves among its secrets, and what a killed one left of a file that it was writing. */
const SECRETS: Names = [
  /^log\.key(\.\d+-[0-9a-f]{8}\.tmp)?$/,
  /^(admin|approver|auditor|developer|operator|release-manager)\.token(\.\d+-[0-9a-f]{8}\.tmp)?$/,
];

/** One of these is in every agent's folder, from setup's first step on. */
const AGENT = ['agent.yaml', 'token', 'handed.json'] as const;

/** Their paths in the folder, with what is among the secrets by name. */
export async function strangersIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder);
  const strangers = names.filter((name) => !named(name, OURS) || (name.startsWith('agent-') && !isAgent(folder, name)));
  const secrets = (await readdir(join(folder, 'secrets'))).filter((name) => !named(name, SECRETS));
  return [...strangers, ...secrets.map((name) => join('secrets', name))];
}

/** Whether a folder is one that a server was started on. */
export function isDataFolder(folder: string): boolean {
  return (
    existsSync(join(folder, 'secrets')) &&
    (existsSync(join(folder, 'format.json')) || existsSync(join(folder, 'log.pub')))
  );
}

/** Data folders below another one; links aren't followed. They'd go unseen, and leave behind what lies outside of them. */
export async function dataFoldersBelow(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  const folders = [folder];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    if (at !== folder && isDataFolder(at)) {
      found.push(at);
      continue;
    }
    // A folder that can't be read can't be removed either: that is said before anything is.
    for (const entry of await readdir(at, { withFileTypes: true }))
      if (entry.isDirectory()) folders.push(join(at, entry.name));
  }
  return found.sort();
}

function named(name: string, names: Names): boolean {
  return names.some((own) => (typeof own === 'string' ? own === name : own.test(name)));
}

function isAgent(folder: string, name: string): boolean {
  return AGENT.some((file) => existsSync(join(folder, name, file)));
}
