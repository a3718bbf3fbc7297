/**
 * Builds the page into `dist/`, if it is older than what it is made of; several may do so at once. Files are named by a
 * digest of their bytes and the index comes last, so whoever reads meanwhile finds either the old page or the new one.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

const WEB = join(import.meta.dirname, '..', '..');
const DIST = join(WEB, 'dist');
const ENTRIES = { headgate: 'src/main.tsx', styles: 'src/page.css', icon: 'src/icon.svg' } as const;

/** What the bundle is made of: our sources, and the versions of everything else. */
async function digestOfInputs(): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of [join(WEB, 'src'), join(WEB, '..', 'contract', 'src')]) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((e) => e.isFile() && !e.name.includes('.test.'))
      .map((e) => join(e.parentPath, e.name));
    for (const file of files.sort()) hash.update(`${file.slice(folder.length)}\0`).update(await readFile(file));
  }
  for (const file of [join(WEB, 'package.json'), join(WEB, '..', '..', 'package-lock.json')])
    hash.update(await readFile(file).catch(() => ''));
  return hash.digest('hex');
}

async function put(name: string, bytes: Uint8Array | string): Promise<void> {
  const aside = join(DIST, `.${randomUUID()}`);
  await writeFile(aside, bytes);
  await rename(aside, join(DIST, name));
}

async function build(madeOf: string): Promise<void> {
  const esbuild = await import('esbuild');
  const { outputFiles, metafile } = await esbuild.build({
    absWorkingDir: WEB,
    entryPoints: { ...ENTRIES },
    outdir: DIST,
    entryNames: 'assets/[name]-[hash]',
    assetNames: 'assets/[name]-[hash]',
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    target: ['es2023', 'chrome120', 'firefox128', 'safari17.4'],
    jsx: 'automatic',
    loader: { '.svg': 'copy' },
    define: { 'process.env.NODE_ENV': '"production"' },
    legalComments: 'none',
    logLevel: 'error',
  });
  await mkdir(join(DIST, 'assets'), { recursive: true });
  for (const { path, contents } of outputFiles) await put(join('assets', basename(path)), contents);
  const made = Object.entries(metafile.outputs);
  const address = (entry: string): string => {
    const [path] = made.find(([, output]) => output.entryPoint === entry) ?? [];
    if (path === undefined) throw new Error(`the build made nothing of ${entry}`);
    return `/assets/${basename(path)}`;
  };
  await put('index.html', indexOf(address(ENTRIES.headgate), address(ENTRIES.styles), address(ENTRIES.icon)));
  const current = new Set(outputFiles.map(({ path }) => basename(path)));
  for (const name of await readdir(join(DIST, 'assets')))
    if (!current.has(name)) await rm(join(DIST, 'assets', name), { force: true });
  await put('made-of', madeOf);
}

function indexOf(script: string, styles: string, icon: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="style-nonce" nonce="{{nonce}}">
<title>Headgate</title>
<link rel="icon" href="${icon}">
<link rel="stylesheet" href="${styles}">
<script type="module" src="${script}"></script>
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript; the command line, headgate, does not.</noscript>
</body>
</html>
`;
}

const madeOf = await digestOfInputs();
const before = await readFile(join(DIST, 'made-of'), 'utf8').catch(() => '');
if (before !== madeOf) await build(madeOf);
