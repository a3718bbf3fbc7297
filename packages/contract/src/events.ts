/** One server-sent event: for the log, `id` is the entry's place and `data` its JSON. */
export interface ServerSentEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** Largest event that is read, in characters: an entry has at most 65,535 bytes. */
const MAX_EVENT = 256 * 1024;

/** Reads a stream of server-sent events (WHATWG HTML, section 9.2). Comments are heartbeats and are left out. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let id = '';
  let event = 'message';
  let data: string[] = [];
  let size = 0;
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > MAX_EVENT) throw new RangeError(`a server-sent event is longer than ${MAX_EVENT} characters`);
    const lines = rest.split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { id, event, data: data.join('\n') };
        event = 'message';
        data = [];
        size = 0;
        continue;
      }
      // Lines without an end of their event are no way around the bound.
      size += line.length;
      if (size > MAX_EVENT) throw new RangeError(`a server-sent event is longer than ${MAX_EVENT} characters`);
      const [, field, value] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
      if (field === 'id') id = value ?? '';
      else if (field === 'event') event = value ?? '';
      else if (field === 'data') data.push(value ?? '');
    }
  }
}
