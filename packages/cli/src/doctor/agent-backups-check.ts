/** How what agents back up beside the stores stands, on the machine of the agent: by its configuration, and by what it wrote down. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BACKUPS_FOLDER, readBackupStanding, STANDING_FILE, wrongWithBackup } from '@headgate/documents';
import { agentFile } from '../agents/agent-file.ts';
import { type Check, type Finding, ok, unknown, wrong } from './finding.ts';
import type { LocalFacts } from './local-checks.ts';

export const agentBackups: Check<LocalFacts> = {
  name: 'configuration-backups',
  async look({ folder }) {
    if (folder === undefined || !existsSync(folder)) return [];
    const below = readdirSync(folder).filter((name) => name === 'agent' || name.startsWith('agent-'));
    return [folder, ...below.map((name) => join(folder, name))].flatMap((dir) => backupsOf(join(dir, 'agent.yaml')));
  },
};

function backupsOf(config: string): readonly Finding[] {
  const { dataDir, backups } = agentFile(config);
  if (typeof dataDir !== 'string' || !Array.isArray(backups)) return [];
  const mend = `headgate-agent backup --status --config ${config}`;
  const names = backups.flatMap((each) => {
    const name = (each as { name?: unknown } | null)?.name;
    return typeof name === 'string' ? [name] : [];
  });
  return names.flatMap((name) => {
    const file = join(dataDir, BACKUPS_FOLDER, name, STANDING_FILE);
    const say = (how: typeof wrong, why: string): Finding => how('configuration-backups', `${name}: ${why}`, mend);
    if (!existsSync(file)) return [say(unknown, 'none was taken yet; the agent takes the first one once it runs')];
    const standing = readBackupStanding(readFileSync(file, 'utf8'));
    if (standing === undefined) return [say(wrong, `${file} isn’t what an agent wrote`)];
    const trouble = wrongWithBackup(standing, Date.now());
    if (trouble.length > 0) return trouble.map((why) => say(wrong, why));
    const { good, sound } = standing;
    if (good === undefined || sound === undefined)
      return [say(unknown, 'none was taken and brought back in a drill yet')];
    return [
      ok('configuration-backups', `${name}: the newest is ${good.id}, and ${sound.id} came back well in a drill`),
    ];
  });
}
