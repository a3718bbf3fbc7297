/** An agent's configuration on this machine, as far as a person's command looks into it: nothing of it is believed. */
import { readFileSync } from 'node:fs';
import { readYaml } from '@headgate/documents/yaml/read-yaml';

/** A configuration is small; what is larger isn't one. Bytes. */
const MOST_BYTES = 1024 * 1024;

/** What stands in the file at its top; nothing, where it can't be read or is none. */
export function agentFile(file: string): Readonly<Record<string, unknown>> {
  try {
    const bytes = readFileSync(file);
    const read = bytes.length > MOST_BYTES ? undefined : readYaml(bytes.toString('utf8'), file);
    const value = read?.ok ? read.documents[0]?.value : undefined;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
