import { readFile } from 'node:fs/promises';
import { MissingPart } from './missing-part.ts';

/** Refuses a machine on which the real Odoo can't be installed, in words that say what would do. */
export async function requireDebian12(osRelease = '/etc/os-release'): Promise<void> {
  const how = 'Odoo comes from Debian’s packages: use Debian 12 (bookworm), as root';
  const text = await readFile(osRelease, 'utf8').catch(() => '');
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]*)"?$`, 'm').exec(text)?.[1];
  if (field('ID') !== 'debian' || field('VERSION_ID') !== '12')
    throw new MissingPart('Odoo 19', `this is ${field('PRETTY_NAME') ?? 'an unknown system'}`, how);
  if (process.getuid?.() !== 0) throw new MissingPart('Odoo 19', 'only root may install Debian packages', how);
}
