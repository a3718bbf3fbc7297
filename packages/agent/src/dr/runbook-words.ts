/** How a runbook writes commands. */
import type { DrAsk } from './ask.ts';

/** As a shell takes it for one word. */
export function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export function fenced(...commands: readonly string[]): string {
  return `\`\`\`\n${commands.join('\n')}\n\`\`\``;
}

/** age's, as an option; nothing where none is named. */
export function identityOf({ identityFile, cell }: Pick<DrAsk, 'identityFile' | 'cell'>): string {
  const file = identityFile ?? cell.vault.drill?.identityFile;
  return file === undefined ? '' : ` --identity ${word(file)}`;
}
