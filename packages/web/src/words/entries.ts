import { type LogEvent, logEvent } from '@headgate/contract';

export interface PlacedEvent {
  readonly place: number;
  /** Undefined: the bytes aren't an entry that this page can read. */
  readonly event: LogEvent | undefined;
  /** What it says, in one line; empty where the server has none. */
  readonly words: string;
}

/** An entry of the log from its bytes, base64. */
export function entryOf(placed: {
  readonly place: number;
  readonly bytes: string;
  readonly words?: string;
}): PlacedEvent {
  const { place, bytes, words = '' } = placed;
  try {
    const raw = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
    const read = logEvent.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw)));
    return { place, event: read.success ? read.data : undefined, words };
  } catch {
    return { place, event: undefined, words };
  }
}

/** An entry's data as JSON. */
export function dataText(data: LogEvent['data'], most = 2_000): string {
  const text = JSON.stringify(data);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
