import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MissingPart } from './missing-part.ts';

/** Where this machine gets Debian from, and with which keys it checks it. */
export interface DebianMirror {
  readonly uri: string;
  readonly signedBy: string | undefined;
}

/** The archive's mirror by the machine's own apt sources: no host's name stands in this repository. */
export async function debianMirror(aptDir = '/etc/apt'): Promise<DebianMirror> {
  const parts = join(aptDir, 'sources.list.d');
  const names = await readdir(parts).catch(() => []);
  const files = [
    ...names.filter((name) => /\.(sources|list)$/.test(name)).map((name) => join(parts, name)),
    join(aptDir, 'sources.list'),
  ];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const found = file.endsWith('.sources') ? fromStanzas(text) : fromLines(text);
    if (found) return found;
  }
  throw new MissingPart(
    'Debian’s mirror',
    `no apt source below ${aptDir} names the suite bookworm with the component main`,
    'Add one (deb URI bookworm main) and try again',
  );
}

/** From deb822 stanzas (`.sources`). */
export function fromStanzas(text: string): DebianMirror | undefined {
  for (const stanza of text.split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    let last = '';
    for (const line of stanza.split('\n')) {
      if (line.startsWith('#')) continue;
      const field = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
      if (field) {
        last = field[1]!.toLowerCase();
        fields.set(last, field[2]!.trim());
      } else if (/^\s+\S/.test(line) && last !== '') fields.set(last, `${fields.get(last)} ${line.trim()}`);
    }
    const words = (name: string): string[] => (fields.get(name) ?? '').split(/\s+/).filter(Boolean);
    if (/^no$/i.test(fields.get('enabled') ?? '') || !words('types').includes('deb')) continue;
    if (!words('suites').includes('bookworm') || !words('components').includes('main')) continue;
    const uri = words('uris').find(plain);
    const key = words('signed-by');
    if (uri) return { uri, signedBy: key.length === 1 && key[0]!.startsWith('/') ? key[0] : undefined };
  }
  return undefined;
}

/** From one-line sources (`.list`). */
export function fromLines(text: string): DebianMirror | undefined {
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+bookworm\s+(.*)$/.exec(line);
    if (!match || !match[3]!.split(/\s+/).includes('main') || !plain(match[2]!)) continue;
    return { uri: match[2]!, signedBy: /signed-by=(\/[^\s\]]+)/.exec(match[1] ?? '')?.[1] };
  }
  return undefined;
}

/** An address that can stand in another source as it is. */
function plain(uri: string): boolean {
  return /^(https?|file|mirror\+file|mirror\+https?|cdrom|copy):[^\s"'\\]+$/.test(uri);
}
