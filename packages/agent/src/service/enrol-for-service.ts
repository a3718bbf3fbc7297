import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { digest, fields, list, name, text } from '@headgate/documents/schema/fields';
import { problemsOf } from '@headgate/documents/schema/problems';
import { problemAt, readYaml } from '@headgate/documents/yaml/read-yaml';
import { type Enrolled, enrol } from '../enrol.ts';
import { loadService, writeServiceCells } from './service-cells.ts';

/** What a person carries from the control plane to an agent, beside the token and the trust file that it names. */
const handedForm = fields({
  server: text(300),
  name: text(100),
  /** Beside this file, or absolute. */
  tokenFile: text(4_096),
  trustFile: text(4_096),
  environments: list(fields({ name, policyDigest: digest, documents: list(digest, 0, 1_000) }), 1, 100),
});

/** Where it keeps what it makes, if not in and beside the folder that was handed over. */
export interface Places {
  readonly cellsDir?: string | undefined;
  readonly dataDir?: string | undefined;
  /** The folder may be another agent's. */
  readonly force?: boolean | undefined;
}

/** Enrols this machine's agent for a service: its own configuration from what was handed over, its cells from the service. */
export async function enrolForService(
  handedFile: string,
  serviceFile: string,
  { cellsDir, dataDir, force = false }: Places = {},
): Promise<Enrolled> {
  const read = readYaml(await readFile(handedFile, 'utf8'), handedFile);
  if (!read.ok) return { ok: false, problems: read.problems.map((p) => p.message) };
  const [yaml] = read.documents;
  if (yaml === undefined)
    return { ok: false, problems: [`${handedFile}: it is empty; write it with: headgate setup FOLDER`] };
  const parsed = handedForm.safeParse(yaml.value);
  if (!parsed.success) {
    const problems = problemsOf(parsed.error, yaml.value, handedForm);
    return { ok: false, problems: problems.map((each) => problemAt(yaml.placeOf(each.path), each).message) };
  }
  const folder = dirname(resolve(handedFile));
  const { server, name: agent, tokenFile, trustFile, environments } = parsed.data;
  const service = await loadService(serviceFile);
  const cellFiles = await writeServiceCells(
    service,
    environments.map((each) => each.name),
    cellsDir ?? join(dirname(folder), 'cells'),
  );
  return enrol({
    server,
    name: agent,
    tokenFile: resolve(folder, tokenFile),
    trustFile: resolve(folder, trustFile),
    dataDir: dataDir ?? folder,
    force,
    environments: environments.map((each) => `${each.name}=${each.policyDigest}`),
    documents: environments.flatMap((each) => each.documents.map((pinned) => `${each.name}=${pinned}`)),
    cellFiles,
  });
}
