/**
 * `npm run package [-- FOLDER]`: builds what is published, headgate-VERSION.tgz, into a folder (default dist/). The same
 * sources give the same bytes. Prints the file's path, size and SHA-256.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { argv, stdout } from 'node:process';
import { layOut } from './package/lay-out.ts';

const to = resolve(argv[2] ?? 'dist');
const folder = mkdtempSync(join(tmpdir(), 'headgate-package-'));
try {
  layOut(folder);
  mkdirSync(to, { recursive: true });
  const answer = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', to], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [{ filename }] = JSON.parse(answer) as [{ filename: string }];
  const file = join(to, filename);
  const bytes = readFileSync(file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  stdout.write(`${file}\n${(bytes.length / 1_024).toFixed(0)} kB, sha256 ${sha256}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
