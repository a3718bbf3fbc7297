/** What a manifest's form can't say: how its parts must fit together. */
import type { ArtifactFile, Component, Migration, ReleaseManifest } from '@headgate/domain';
import { didYouMean } from '@headgate/domain/model/nearest';
import type { Path, Problem } from '../schema/problems.ts';

/** Total size of all files of a release, in bytes. */
const MAX_RELEASE_BYTES = 8 * 1024 * 1024 * 1024;

/** Every rule that the manifest breaks. */
export function manifestRules(manifest: ReleaseManifest): Problem[] {
  return [
    ...authors(manifest),
    ...range(manifest),
    ...manifest.components.flatMap((component, i) => componentRules(component, ['components', i])),
    ...unique(
      manifest.components.map((c) => c.name),
      (i) => ['components', i, 'name'],
      'a name that no other component has',
    ),
    ...migrations(manifest),
    ...written(manifest),
    ...configuration(manifest),
    ...totalSize(manifest),
  ];
}

function authors(manifest: ReleaseManifest): Problem[] {
  const problems = unique(manifest.authors, (i) => ['authors', i], 'each author once');
  if (manifest.origin === 'built' && manifest.authors.length === 0) {
    problems.push({ path: ['authors'], expected: 'at least one author, who then may not approve', found: 'none' });
  }
  return problems;
}

function range({ schemaRange: { min, max }, migrations }: ReleaseManifest): Problem[] {
  if (min > max) return [{ path: ['schemaRange'], expected: 'min <= max', found: `${min} > ${max}` }];
  const target = migrations.at(-1)?.to;
  if (target !== undefined && (target < min || target > max)) {
    return [
      {
        path: ['schemaRange'],
        expected: `a range that contains ${target}, the version that the last migration leads to`,
        found: `${min} to ${max}`,
      },
    ];
  }
  return [];
}

function componentRules(component: Component, path: Path): Problem[] {
  const problems: Problem[] = [];
  const runs = component.role !== 'infrastructure';
  if (runs && component.command.length === 0) {
    problems.push({
      path: [...path, 'command'],
      expected: `a command for a ${component.role}`,
      found: 'an empty list',
    });
  }
  if (runs && component.files.length === 0) {
    problems.push({ path: [...path, 'files'], expected: `files for a ${component.role}`, found: 'an empty list' });
  }
  if (component.role === 'web' && component.healthPath === undefined) {
    problems.push({
      path: [...path, 'healthPath'],
      expected: 'the path that answers 2xx once the component serves',
      found: 'nothing',
    });
  }
  component.command.forEach((word, i) => {
    for (const [placeholder] of word.matchAll(/\$\{[^}]*\}?/g)) {
      if (placeholder === '${dir}' || placeholder === '${node}') continue;
      problems.push({
        path: [...path, 'command', i],
        expected: 'no placeholder but ${dir} and ${node}',
        found: placeholder.slice(0, 80),
      });
    }
  });
  return [...problems, ...fileRules(component.files, [...path, 'files'])];
}

/** File names must be unique, also on systems that ignore case, and no file may stand where another needs a folder. */
function fileRules(files: readonly ArtifactFile[], path: Path): Problem[] {
  const names = files.map((file) => file.name.toLowerCase());
  const problems = unique(names, (i) => [...path, i, 'name'], 'a file name that no other file has');
  const all = new Set(names);
  names.forEach((name, i) => {
    for (let slash = name.indexOf('/'); slash > 0; slash = name.indexOf('/', slash + 1)) {
      const folder = name.slice(0, slash);
      if (all.has(folder))
        problems.push({
          path: [...path, i, 'name'],
          expected: `a path whose folder is no file itself`,
          found: `the file "${folder.slice(0, 80)}"`,
        });
    }
  });
  return problems;
}

function migrations({ migrations }: ReleaseManifest): Problem[] {
  const problems = unique(
    migrations.map((m) => m.id),
    (i) => ['migrations', i, 'id'],
    'an id that no other migration has',
  );
  migrations.forEach((migration: Migration, i) => {
    const path = ['migrations', i];
    if (migration.to !== migration.from + 1) {
      problems.push({
        path: [...path, 'to'],
        expected: `${migration.from + 1}: a migration leads one version further`,
        found: String(migration.to),
      });
    }
    const before = migrations[i - 1];
    if (before !== undefined && migration.from !== before.to) {
      problems.push({
        path: [...path, 'from'],
        expected: `${before.to}: where the migration before it ends`,
        found: String(migration.from),
      });
    }
    if (migration.undo === 'down' && migration.down === undefined) {
      problems.push({ path: [...path, 'down'], expected: 'a down file, since undo is "down"', found: 'nothing' });
    }
  });
  return problems;
}

/** What is activated names migrations of the same release. */
function written({ activates = [], migrations }: ReleaseManifest): Problem[] {
  const ids = migrations.map(({ id }) => id);
  return activates.flatMap(({ writes = [] }, i) =>
    writes.flatMap((id, k) =>
      ids.includes(id)
        ? []
        : [
            {
              path: ['activates', i, 'writes', k],
              expected: `the id of a migration of this release${didYouMean(id.slice(0, 80), ids)}`,
              found: `"${id.slice(0, 80)}"`,
            },
          ],
    ),
  );
}

function configuration(manifest: ReleaseManifest): Problem[] {
  const components = new Set(manifest.components.map((c) => c.name));
  const problems: Problem[] = [];
  for (const [component, variables] of Object.entries(manifest.configuration)) {
    if (!components.has(component)) {
      problems.push({
        path: ['configuration', component],
        expected: `the name of a component (${[...components].join(', ')})`,
      });
    }
    for (const [variable, value] of Object.entries(variables)) {
      if (/-----BEGIN [A-Z ]*PRIVATE KEY-----|:\/\/[^/\s:@]+:[^/\s@]+@/.test(value)) {
        // The value is not shown: it may be a real secret.
        problems.push({
          path: ['configuration', component, variable],
          expected: 'no secret: a release is read by many',
          found: 'a private key or a password in a URL',
        });
      }
    }
  }
  return problems;
}

function totalSize(manifest: ReleaseManifest): Problem[] {
  const all = [
    ...manifest.components.flatMap((c) => c.files),
    ...manifest.migrations.flatMap((m) => (m.down ? [m.up, m.down] : [m.up])),
  ];
  const total = all.reduce((sum, file) => sum + file.size, 0);
  return total <= MAX_RELEASE_BYTES
    ? []
    : [
        {
          path: ['components'],
          expected: `files of at most ${MAX_RELEASE_BYTES} bytes in all`,
          found: `${total} bytes`,
        },
      ];
}

function unique(values: readonly string[], path: (index: number) => Path, expected: string): Problem[] {
  const seen = new Set<string>();
  const problems: Problem[] = [];
  values.forEach((value, i) => {
    if (seen.has(value)) problems.push({ path: path(i), expected, found: `"${value.slice(0, 80)}" again` });
    seen.add(value);
  });
  return problems;
}
