import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { BUILT, dependencies, manifestIn, PROGRAMS, ROOT, SHIPPED } from './shipped.ts';

/** The Node that emitted code is made for; type stripping isn't needed there. */
const NODE = '>=24';

/**
 * Lays the package out in an empty folder, as npm will pack it:
 *
 *   package.json, README.md, LICENSE
 *   bin/headgate.js …                     check Node's version, then start the program
 *   node_modules/@headgate/NAME/src/*.js  emitted JavaScript (Node strips no types below node_modules), brought along
 *   node_modules/@headgate/web/dist       the page's static files
 *   share/                                documents to take as they are, systemd units, the Dockerfile
 */
export function layOut(folder: string): void {
  emit(join(folder, 'emitted'));
  for (const name of SHIPPED) layOutOurs(folder, name);
  for (const name of BUILT) layOutBuilt(folder, name);
  execFileSync('rm', ['-r', join(folder, 'emitted')]);
  mkdirSync(join(folder, 'bin'));
  for (const [program, module] of Object.entries(PROGRAMS)) {
    const file = join(folder, 'bin', `${program}.js`);
    writeFileSync(file, startOf(program, module));
    chmodSync(file, 0o755);
  }
  share(folder);
  for (const file of ['LICENSE', 'README.md']) copyFileSync(join(ROOT, file), join(folder, file));
  writeJson(join(folder, 'package.json'), published());
}

/** Every shipped package's source as JavaScript, by TypeScript's own compiler. Throws with what it complains of. */
function emit(outDir: string): void {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  execFileSync(process.execPath, [compiler, '-p', join(ROOT, 'packaging', 'tsconfig.json'), '--outDir', outDir], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

function layOutOurs(folder: string, name: string): void {
  const to = join(folder, 'node_modules', '@headgate', name);
  mkdirSync(to, { recursive: true });
  cpSync(join(folder, 'emitted', name, 'src'), join(to, 'src'), { recursive: true });
  const schemas = join(ROOT, 'packages', name, 'schemas');
  if (existsSync(schemas)) cpSync(schemas, join(to, 'schemas'), { recursive: true });
  const { name: own, version, license, dependencies } = manifestIn(`packages/${name}`);
  const exports = { '.': './src/index.js', './*': './src/*.js' };
  writeJson(join(to, 'package.json'), { name: own, version, license, type: 'module', exports, dependencies });
}

/** The static files of a package, which its own program builds; the server looks for them beside itself. */
function layOutBuilt(folder: string, name: string): void {
  const from = join(ROOT, 'packages', name);
  execFileSync(process.execPath, [join(from, 'src/build/main.ts')], { stdio: ['ignore', 'inherit', 'inherit'] });
  const to = join(folder, 'node_modules', '@headgate', name);
  cpSync(join(from, 'dist'), join(to, 'dist'), { recursive: true, filter: (path) => !path.endsWith('made-of') });
  const { name: own, version, license } = manifestIn(`packages/${name}`);
  writeJson(join(to, 'package.json'), { name: own, version, license });
}

function share(folder: string): void {
  const to = join(folder, 'share');
  cpSync(join(ROOT, 'packaging', 'systemd'), join(to, 'systemd'), { recursive: true });
  cpSync(join(ROOT, 'packaging', 'Dockerfile'), join(to, 'Dockerfile'));
  const business = 'packages/adapters/src/execution/odoo/business/professional-services.yaml';
  mkdirSync(join(to, 'verifications'));
  copyFileSync(join(ROOT, business), join(to, 'verifications', 'odoo-professional-services.yaml'));
}

function published(): object {
  const { version, description, license } = manifestIn('.');
  const { theirs, optional, ours } = dependencies();
  return {
    name: 'headgate',
    version,
    description,
    license,
    type: 'module',
    engines: { node: NODE },
    bin: Object.fromEntries(Object.keys(PROGRAMS).map((program) => [program, `bin/${program}.js`])),
    dependencies: { ...theirs, ...ours },
    optionalDependencies: optional,
    bundleDependencies: Object.keys(ours),
  };
}

/** Runs on an old Node too, so that it can say what is missing there. */
function startOf(program: string, module: string): string {
  return `#!/usr/bin/env node
if (Number(process.versions.node.split('.')[0]) < 24) {
  console.error('${program} needs Node 24 or later; this is ' + process.version + ' (' + process.execPath + ')');
  process.exit(69);
}
await import('${module}');
`;
}

function writeJson(file: string, value: object): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}
