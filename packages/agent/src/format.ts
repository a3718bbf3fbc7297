import { join } from 'node:path';
import { type FolderFormat, keepCopy } from '@headgate/adapters/machine/data-format';
import { readIfThere, writeDurably } from '@headgate/adapters/machine/durable-file';

/** What an agent's data folder went through. */
export const AGENT_FORMAT: FolderFormat = {
  name: 'the agent’s data folder',
  sign: 'high-water.json',
  steps: [
    {
      what: 'its marks hold the plans that were begun, beside the tokens that were taken',
      async migrate(root) {
        const file = join(root, 'high-water.json');
        const text = await readIfThere(file);
        if (text === undefined) return;
        const marks = JSON.parse(text) as Record<string, unknown>;
        if (marks.plans !== undefined) return;
        await keepCopy(file, 0);
        await writeDurably(file, `${JSON.stringify({ ...marks, plans: {} })}\n`, 0o600);
      },
    },
  ],
};
