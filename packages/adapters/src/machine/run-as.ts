import { readFileSync } from 'node:fs';

/** A named, unprivileged user of this machine that we start programs as when we are root. */
export interface RunAs {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Users that are taken, in order: PostgreSQL's own if the system has one, else the one every system has. */
const CANDIDATES = ['postgres', 'nobody'];

/**
 * Whom to start programs as. As an ordinary user: `undefined`, that is ourselves. As root: a user *with a name*, because
 * initdb refuses to run as root and fails for a uid that the password file doesn't know.
 */
export function runAs(passwd = '/etc/passwd'): RunAs | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = passwdUsers(passwd);
  for (const name of CANDIDATES) {
    const user = users.find((candidate) => candidate.name === name && candidate.uid !== 0);
    if (user) return user;
  }
  throw new Error(
    `As root, programs run as one of the users ${CANDIDATES.join(', ')}, and ${passwd} has none of them; add one, or run as an ordinary user`,
  );
}

/** Refuses an ordinary user without a name, for whom initdb would fail with a message that nobody understands. */
export function requireNamedUser(passwd = '/etc/passwd'): void {
  const uid = process.geteuid?.();
  if (uid === 0 || uid === undefined || passwdUsers(passwd).some((user) => user.uid === uid)) return;
  throw new Error(
    `User id ${uid} has no name in ${passwd}, and PostgreSQL needs one; add the user, or run as one that has a name`,
  );
}

function passwdUsers(passwd: string): RunAs[] {
  return readFileSync(passwd, 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 7)
    .map((fields) => ({ name: fields[0]!, uid: Number(fields[2]), gid: Number(fields[3]) }));
}

/** Options for node:child_process that start a program as that user (Node drops supplementary groups with the uid). */
export function asUser(user: RunAs | undefined): { uid?: number; gid?: number } {
  return user ? { uid: user.uid, gid: user.gid } : {};
}
