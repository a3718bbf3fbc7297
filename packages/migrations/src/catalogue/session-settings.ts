/** What of a session decides how names and times are read. Every file is a session of its own, and begins anew. */

/** The search path of a session that nobody set one for, as far as a schema of its user's name isn't there. */
const DEFAULT_PATH = ['public'];

interface State {
  /** Undefined: not known, and so never taken for UTC. */
  readonly timeZone: string | undefined;
  readonly path: readonly string[];
  /** False: another may be in force than `path`. */
  readonly pathKnown: boolean;
}

export class SessionSettings {
  /** As a new session has them. */
  #base: State;
  /** Whether the base was read, and isn't only the usual one. */
  readonly #read: boolean;
  #now: State;
  /** Whether a statement of the file set any. */
  #set = false;
  #setForTransaction = false;
  readonly #doubts = new Set<string>();

  constructor(catalogue: { readonly timeZone: string; readonly searchPath: readonly string[] } | undefined) {
    const path = catalogue?.searchPath ?? DEFAULT_PATH;
    this.#read = catalogue !== undefined;
    this.#base = { timeZone: catalogue?.timeZone, path, pathKnown: true };
    this.#now = this.#base;
  }

  /** Another one for whatever is in force. */
  get version(): string {
    const { path, pathKnown, timeZone } = this.#now;
    return JSON.stringify([path, pathKnown, timeZone]);
  }

  get timeZone(): string | undefined {
    return this.#now.timeZone;
  }

  /** The schemas of the search path, in order; while it isn't known, the last that was. */
  get path(): readonly string[] {
    return this.#now.path;
  }

  /**
   * Where a relation without a schema is looked for, in order. A temporary one hides every other of its name, unless the path
   * says where it stands.
   */
  forRelation(name: string): readonly string[] {
    const path = this.along(name);
    return path.includes('pg_temp') ? path : ['pg_temp', ...path];
  }

  /** Where anything else is looked for. That the path isn't known is kept for whoever reads the statement. */
  along(name: string): readonly string[] {
    if (!this.#now.pathKnown) this.#doubts.add(name);
    return this.#now.path;
  }

  /** The names that were looked for along a path that isn't known, since it was last asked. */
  takeDoubts(): readonly string[] {
    const all = [...this.#doubts];
    this.#doubts.clear();
    return all;
  }

  /** Sets the path. `certain`: the statement is reached, and nothing takes it back. `undefined`: to what isn't known. */
  setPath(to: readonly string[] | undefined, how: { readonly certain: boolean; readonly local: boolean }): void {
    const same = to !== undefined && this.#now.pathKnown && to.join('\0') === this.#now.path.join('\0');
    this.#noteSet(how.local);
    if (same) return;
    this.#now =
      to !== undefined && how.certain
        ? { ...this.#now, path: to, pathKnown: true }
        : { ...this.#now, pathKnown: false };
  }

  setTimeZone(to: string | undefined, how: { readonly certain: boolean; readonly local: boolean }): void {
    this.#noteSet(how.local);
    this.#now = { ...this.#now, timeZone: how.certain || to === this.#now.timeZone ? to : undefined };
  }

  /** What RESET search_path gives; `undefined`: nobody read it. */
  get ownPath(): readonly string[] | undefined {
    return this.#read && this.#base.pathKnown ? this.#base.path : undefined;
  }

  get ownTimeZone(): string | undefined {
    return this.#base.timeZone;
  }

  /** A transaction ends here: what was set for it alone is over; rolled back, so is what was set in it. */
  endTransaction(rolledBack: boolean): void {
    if (rolledBack ? this.#set : this.#setForTransaction) this.#doubtAll();
  }

  /** The next file: as the database gives it to a new session. */
  begin(): void {
    this.#now = this.#base;
    this.#set = false;
    this.#setForTransaction = false;
    this.#doubts.clear();
  }

  /** New sessions begin with other settings from here on (ALTER DATABASE … SET, ALTER ROLE … SET). */
  changeOfNewSessions(): void {
    this.#base = { ...this.#base, timeZone: undefined, pathKnown: false };
  }

  /** Reads something that won't happen now. */
  tried<T>(work: () => T): T {
    const before = [this.#base, this.#now, this.#set, this.#setForTransaction] as const;
    try {
      return work();
    } finally {
      [this.#base, this.#now, this.#set, this.#setForTransaction] = before;
    }
  }

  /** A function with a search path of its own: before and after it, it is that of its caller. */
  withPath<T>(path: readonly string[] | undefined, work: () => T): T {
    const before = this.#now;
    const during: State = { ...before, path: path ?? before.path, pathKnown: path !== undefined };
    this.#now = during;
    try {
      return work();
    } finally {
      // Whether what the function set outlives it isn't followed.
      this.#now = this.#now === during ? before : { ...before, timeZone: undefined, pathKnown: false };
    }
  }

  #noteSet(local: boolean): void {
    this.#set = true;
    this.#setForTransaction ||= local;
  }

  #doubtAll(): void {
    this.#now = { ...this.#now, timeZone: undefined, pathKnown: false };
  }
}
