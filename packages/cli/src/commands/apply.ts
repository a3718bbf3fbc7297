import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { holdsService, readService } from '@headgate/documents';
import type { Install } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, notThere } from '../failure.ts';
import { table, warningLine } from '../output.ts';

const MAX_FILE_BYTES = 1024 * 1024;

interface Options {
  readonly file: readonly string[];
  readonly dryRun?: boolean;
  readonly takeOver?: boolean;
}

interface File {
  readonly name: string;
  readonly text: string;
}

/** Declares documents. */
export const apply: Install = (program, act) => {
  program
    .command('apply')
    .description('declare YAML documents, all or none')
    .requiredOption('-f, --file <path...>', 'a file, a folder (its .yaml and .yml files), or - for standard input')
    .option('--dry-run', 'check alone, change nothing')
    .option('--take-over', 'change what another application or another owner declared, too')
    .action(
      act(async ({ client, out, stdin, cwd }, { file, dryRun = false, takeOver }: Options) => {
        const files: File[] = [];
        for (const path of file)
          files.push(...(path === '-' ? [{ name: '-', text: await textOf(stdin) }] : await filesAt(cwd, path)));
        if (files.length === 0) throw new Failure(EXIT.usage, 'usage', 'there is no .yaml or .yml file there');
        const plain = files.map(expanded);
        const { applied, warnings = [] } = await client.call('applyDocuments', {
          body: { files: plain, dryRun, ...(takeOver && { takeOver }) },
        });
        const rows = applied.map(({ kind, name, change, digest }) => [kind, name, change, digest]);
        const said = [table(['KIND', 'NAME', 'CHANGE', 'DIGEST'], rows), ...warnings.map(warningLine)];
        out.answer({ applied, warnings }, said.join('\n'));
        return EXIT.ok;
      }),
    );
};

/** A file with a service in it stands for many documents; they are what is declared. */
function expanded(file: File): File {
  if (!holdsService(file.text, file.name)) return file;
  const read = readService(file.text, file.name);
  if (read.ok) return { name: file.name, text: read.documents };
  throw new Failure(EXIT.refused, 'service-malformed', read.problems.map((p) => p.message).join('\n'));
}

async function filesAt(cwd: string, path: string): Promise<readonly File[]> {
  const full = join(path.startsWith('/') ? '' : cwd, path);
  const facts = await stat(full).catch(() => undefined);
  if (facts === undefined) throw notThere(`there is no file ${path}`);
  if (facts.isDirectory()) {
    const names = (await readdir(full)).filter((name) => /\.ya?ml$/.test(name)).sort();
    return (await Promise.all(names.map((name) => filesAt(cwd, join(path, name))))).flat();
  }
  if (facts.size > MAX_FILE_BYTES)
    throw new Failure(EXIT.usage, 'usage', `${path} has ${facts.size} bytes, at most ${MAX_FILE_BYTES} are taken`);
  return [{ name: path, text: await readFile(full, 'utf8') }];
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > MAX_FILE_BYTES)
      throw new Failure(EXIT.usage, 'usage', `standard input is larger than ${MAX_FILE_BYTES}`);
  }
  return Buffer.concat(chunks).toString('utf8');
}
