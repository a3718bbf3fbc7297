import type { Client } from '@headgate/contract';
import type { Command } from 'commander';
import type { Surroundings } from './connect.ts';

/** What a command works with. */
export interface Session extends Surroundings {
  /** Made when it is first asked for; throws when no server or token is known. */
  readonly client: Client;
  /** The server's address; throws when none is known. */
  readonly server: string;
  /** Where the token is read from; throws when none is known. */
  readonly tokenFile: string;
  readonly out: Output;
  readonly stdin: NodeJS.ReadableStream;
  /** Aborted by Ctrl-C. */
  readonly stop: AbortSignal;
}

/** Where a command's answer goes. With `--json` its last line on standard output is one JSON value, and nothing else is. */
export interface Output {
  readonly json: boolean;
  /** For people; nothing with `--json`. */
  line(text: string): void;
  /** One line of a stream of JSON values; for people `text` stands for it. */
  event(value: unknown, text: string): void;
  /** The answer: JSON, or the text for people. */
  answer(value: unknown, text: string): void;
}

/** Runs a command with a session; its number is the exit code. */
export type Act = <Given extends unknown[]>(
  work: (session: Session, ...given: Given) => Promise<number>,
) => (...given: Given) => Promise<void>;

/** Adds a command, or a few that belong together, to the program. */
export type Install = (program: Command, act: Act) => void;
