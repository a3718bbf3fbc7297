/** The first page of the agent's help, and of each command that has no page of its own the part that is about it. */

const HEAD = 'headgate-agent: carries out releases inside an environment, and alone holds its credentials';

/** How each is typed, in the order of the help. What it needs stands outside of brackets. */
const FORMS = `
  headgate-agent run --config FILE
  headgate-agent enrol --server URL --token-file FILE --trust FILE --data DIR --name NAME
                       --environment NAME[=POLICY_DIGEST] … --cell-file FILE …
                       [--document ENVIRONMENT=DIGEST …] [--signed-approvals ENVIRONMENT …] [--force]
  headgate-agent enrol --handed FILE --service FILE [--data DIR] [--cells DIR] [--force]
  headgate-agent take-up --config FILE --service FILE --version VERSION
  headgate-agent stop …                       ends what the agent runs in its cells, and keeps the data (see headgate-agent stop --help)
  headgate-agent leave …                      takes what Headgate made out of databases of somebody else's (see headgate-agent leave --help)
  headgate-agent status --config FILE [--json]
  headgate-agent rollback --config FILE --because "…" [CELL] [--as ID] [--yes]
  headgate-agent accept-restored-log --config FILE [--head SIZE:ROOT --because WORDS]
  headgate-agent mask …                       makes up people's data in a restored copy (see headgate-agent mask --help)
  headgate-agent synthesize …                 makes tenants of any size up in a masked copy (see headgate-agent synthesize --help)
  headgate-agent restore-points …             takes one, and says what lies in the cells' vaults (see headgate-agent restore-points --help)
  headgate-agent drill …                      brings a restore point back from its vault, compares and times it (see headgate-agent drill --help)
  headgate-agent recover …                    brings a store back to a moment, beside the one that serves (see headgate-agent recover --help)
  headgate-agent recover-tenant …             brings one tenant of a shared store back to a moment (see headgate-agent recover-tenant --help)
  headgate-agent recover-store …              puts a store back in its own place as it was at a moment, by a decision (see headgate-agent recover-store --help)
  headgate-agent dr …                         rebuilds a lost cell in another place: plan, runbook, exercise, rebuild (see headgate-agent dr --help)
  headgate-agent backup …                     Git repositories and Terraform's state in the vault, and back (see headgate-agent backup --help)
  headgate-agent reconcile DOCUMENT-FILE …    compares two sides of business, says what would mend them, and has that carried
                                              out once it is approved (see headgate-agent reconcile --help)
  headgate-agent compare …                    whether data that is written in two places is the same in both (see headgate-agent compare --help)
  headgate-agent rehearse …                   runs a release's migrations on a copy of a store (see headgate-agent rehearse --help)
  headgate-agent --help | --version
  headgate-agent check --config FILE          read configuration and trust, say what is wrong or pinned, do nothing
`;

const WORDS = `run     works until SIGTERM or SIGINT; what it keeps (processes, router, stores) lives on without it, until "stop"
enrol   pins the trust file that a person hands over and writes DIR/agent.yaml; with a policy's digest, plans under
        another one are refused there; with documents', other verifications and reconciliations; with
        --signed-approvals, what no approver signed with a key of the trust file; with --handed, all of it from the file
        that "headgate setup" wrote and a person carried here, and the cells from a service's file. A folder that is
        another agent's is refused, without --force
take-up puts what runs today, the folder of the service's file, into its cells beside what serves customers now: before the
        first run, so that it can be adopted. Called again it finishes what is left undone; a database that another
        installation has under control is refused before anything starts. VERSION is what runs there now, as people call
        it: it becomes the baseline's
status  how things stand: since when the server is away, each cell's plan and tenants, stop conditions, and the way back.
        Exit code 0 well, 1 the server refuses what was brought back here, 2 not running, 3 server away, 4 a stop condition fails, 5 a rollback stands still, or a store is
        half way back in its place
rollback  with the server away: shows what the plan's own undo would do and lose, asks, and carries it out, in CELL or
        wherever a wave is in progress. Run again it goes on. Exit code 0 undone, 1 refused, 2 not confirmed, 5 stands still
accept-restored-log   after a restore of the control plane from a backup: shows the head of the log that this agent holds and
        the one that the server shows now; with the head that was shown and a reason, takes the restored log up. The agent
        must not run. What it held is kept below DATA/replaced-logs
`;

/** Of every command that has no page of its own. */
const COMMON = 'Exit codes: 0 done, 1 refused or failed, 64 wrong usage, 78 wrong configuration (docs/exit-codes.md).';

export const USAGE = `${HEAD}\n${FORMS}\n${WORDS}`;

/** What the help says of one command: how it is typed, and what it does. Of one that isn't in it, all of it. */
export function usageOf(command: string): string {
  const forms = blocksOf(FORMS, /^ {2}headgate-agent ([a-z-]+)/);
  const own = forms.filter(([name]) => name === command).map(([, text]) => text);
  if (own.length === 0) return USAGE;
  const words = blocksOf(WORDS, /^([a-z-]+) /).filter(([name]) => name === command);
  return `${[own.join('\n'), ...words.map(([, text]) => text), COMMON].join('\n\n')}\n`;
}

/** A text's blocks by their name: each begins with a line that names it, and the lines that go on are indented further. */
function blocksOf(text: string, begins: RegExp): readonly (readonly [name: string, text: string])[] {
  const blocks: [string, string][] = [];
  for (const line of text.trimEnd().split('\n')) {
    const name = begins.exec(line)?.[1];
    const last = blocks.at(-1);
    if (name !== undefined) blocks.push([name, line]);
    else if (last !== undefined && /^ {4}/.test(line)) last[1] += `\n${line}`;
  }
  return blocks;
}
