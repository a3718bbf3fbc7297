import { z } from 'zod';
import { runBounded } from '../program-run/bounded-run.ts';
import { coreAddons, type OdooInstallation } from './installation.ts';

const ModuleManifest = z.object({
  name: z.string(),
  /** As it stands in the file; Odoo puts its series before a short one. */
  version: z.string(),
  depends: z.array(z.string()),
  installable: z.boolean(),
  /** Python distributions and programs that it needs and that aren't there, in words. */
  missing: z.array(z.string()),
  /** Why it can't be read, in words. */
  wrong: z.string().optional(),
});
/** What a module says of itself in `__manifest__.py`. */
export type ModuleManifest = z.output<typeof ModuleManifest>;

/** What the folders of an addons path hold. */
export interface Addons {
  /** Odoo's series: `19.0`. */
  readonly series: string;
  /** The modules of the release's own folders, read. */
  readonly own: readonly ModuleManifest[];
  /** Names of all modules that can be loaded. */
  readonly available: ReadonlySet<string>;
  /**
   * Names of modules in the data folder's `addons/<series>`, which Odoo by itself takes before all others. Its processes
   * are started so that they don't see them (`data-view`); one that is called like another was meant to replace it.
   */
  readonly inDataDir: readonly string[];
}

const Said = z.object({
  series: z.string(),
  own: z.array(ModuleManifest),
  core: z.array(z.string()),
  inDataDir: z.array(z.string()),
});

/**
 * Reads manifests with the interpreter that Odoo runs on, as literals: nothing in them is executed. Requirements are
 * looked up the way Odoo does it when it loads the module.
 */
const READER = String.raw`
import ast, importlib.metadata, importlib.util, json, os, re, shutil, sys

def requirement(text):
    name = re.split(r'[<>=!~;\[ ]', text, maxsplit=1)[0]
    try:
        from packaging.requirements import Requirement
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate():
            return None
        found = importlib.metadata.version(wanted.name)
        if wanted.specifier and not wanted.specifier.contains(found):
            return f'the Python library {text} (there is {found})'
        return None
    except ImportError:
        pass
    except Exception:
        pass
    try:
        importlib.metadata.version(name)
        return None
    except importlib.metadata.PackageNotFoundError:
        try:
            if importlib.util.find_spec(name) is not None:
                return None
        except (ImportError, ValueError):
            pass
        return f'the Python library {name}'

def module(folder, name):
    said = {'name': name, 'version': '1.0', 'depends': [], 'installable': True, 'missing': []}
    path = os.path.join(folder, name, '__manifest__.py')
    try:
        with open(path, 'rb') as file:
            manifest = ast.literal_eval(file.read(1_000_000).decode('utf-8'))
        said['version'] = str(manifest.get('version', '1.0'))
        said['depends'] = [str(each) for each in manifest.get('depends', [])] or ['base']
        said['installable'] = bool(manifest.get('installable', True))
        needs = manifest.get('external_dependencies', {})
        said['missing'] = [each for each in map(requirement, needs.get('python', [])) if each]
        said['missing'] += [f'the program {each}' for each in needs.get('bin', []) if not shutil.which(each, path='/usr/bin:/bin')]
    except Exception as error:
        said['wrong'] = f'{type(error).__name__}: {error}'[:300]
    return said

def names(folder):
    if not os.path.isdir(folder):
        return []
    return sorted(each for each in os.listdir(folder) if os.path.isfile(os.path.join(folder, each, '__manifest__.py')))

core, data, *own = sys.argv[1:]
release = {}
with open(os.path.join(core, '..', 'release.py')) as file:
    for line in file:
        found = re.match(r'version_info = \((\d+), (\d+)', line)
        if found:
            release['series'] = '.'.join(found.groups())
print(json.dumps({
    'series': release['series'],
    'own': [module(folder, name) for folder in own for name in names(folder)],
    'core': names(core),
    'inDataDir': names(os.path.join(data, 'addons', release['series'])),
}))
`;

/** What the addons folders hold. Throws when the interpreter can't say. */
export async function readAddons(
  odoo: OdooInstallation,
  folders: readonly string[],
  workDir: string,
  signal: AbortSignal,
): Promise<Addons> {
  const run = await runBounded({
    command: [odoo.python, '-I', '-c', READER, coreAddons(odoo), odoo.dataDir, ...folders],
    environment: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' },
    workDir,
    user: odoo.user,
    deadlineMs: 30_000,
    signal,
    secrets: [],
  });
  if (run.exitCode !== 0) throw new Error(`The modules' manifests can't be read: ${run.output.slice(-500)}`);
  const { series, own, core, inDataDir } = Said.parse(JSON.parse(run.output));
  return { series, own, available: new Set([...core, ...own.map(({ name }) => name)]), inDataDir };
}
