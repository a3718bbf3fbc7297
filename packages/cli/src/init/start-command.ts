/**
 * The words of a start command as they may stand in a file that is checked in: what is set before the program, and whatever looks
 * like a secret, is left out, named without its value.
 */
export interface StartCommand {
  /** Without a shell's `NAME=value` in front: as it stands there, that would be the program. */
  readonly words: readonly string[];
  /** Variables that were set in front of it. */
  readonly variables: readonly string[];
  /** What was left out, by a name that gives nothing away. */
  readonly secrets: readonly string[];
}

const ASSIGNED = /^([A-Za-z_][A-Za-z0-9_]*)=/;
/** What does nothing but set variables. */
const SETS = new Set(['env', 'cross-env']);
const SECRET_NAME =
  /^(?!.*[-_.](file|path|dir)$).*(?:(^|[-_.])(p|pw|pwd|pass|passwd|secret|token|tok|auth|authorization|bearer|cookie|credentials?|creds?|dsn|salt)$|passw|passphrase|secret|token|(api|access|private|signing|encryption|master|license|account)[-_.]?keys?|connection[-_.]?string|(database|db|redis|mongo|amqp|broker)[-_.]?(url|uri))/i;
/** An address with a password, or with one that it calls so. */
const SECRET_ADDRESS =
  /^[a-z][a-z0-9+.-]*:\/\/[^/@]*@|[?&;](pass|pwd|secret|token|key|sig|auth|api|access)[^=&;]*=|(^|[;,])\s*(pwd|password)=/i;
/** What issuers of tokens begin them with, and what nobody types: long, and of all kinds of characters. */
const SECRET_WORD =
  /^(gh[a-z]_|github_pat_|glpat-|sk[-_]|pk[-_]|rk[-_]|xox[a-z]-|AKIA|ASIA|AIza|eyJ[A-Za-z0-9_-]{8,}\.|npm_|hvs\.)|^(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/_=-]{24,}$/;

/** Takes a command's words apart. `isFile`: a path of the project is no secret, whatever it is called. */
export function startCommand(words: readonly string[], isFile: (word: string) => boolean): StartCommand {
  const variables: string[] = [];
  const secrets: string[] = [];
  let from = 0;
  for (; from < words.length; from++) {
    const word = words[from] as string;
    const name = ASSIGNED.exec(word)?.[1];
    if (name !== undefined) variables.push(name);
    else if (!SETS.has(word)) break;
  }
  const left: string[] = [];
  for (let i = from; i < words.length; i++) {
    const word = words[i] as string;
    const [, name, value] = /^(-{0,2}[A-Za-z_][\w.-]*)=(.*)$/s.exec(word) ?? [];
    const option = /^-{1,2}[A-Za-z]/.test(word) && value === undefined;
    const next = words[i + 1];
    const bare = isFile(word) ? '' : word;
    if (name !== undefined && (SECRET_NAME.test(name) || looksSecret(value as string))) secrets.push(name);
    else if (option && next !== undefined && !next.startsWith('-') && !isFile(next) && hides(word, next)) {
      secrets.push(word);
      i += 1;
    } else if (/^-p[^-]/.test(word) && left.length > 0 && !/^-p(ort)?\d*$/.test(word)) secrets.push('-p');
    else if (left.length > 0 && looksSecret(bare)) secrets.push('an argument');
    else left.push(word);
  }
  return { words: left, variables, secrets };
}

function hides(option: string, value: string): boolean {
  // `-p 3000` is a port.
  return looksSecret(value) || (SECRET_NAME.test(option) && !(/^-{1,2}p$/.test(option) && /^\d{1,5}$/.test(value)));
}

function looksSecret(word: string): boolean {
  return SECRET_ADDRESS.test(word) || SECRET_WORD.test(word);
}
