/** A request that is refused, answered as RFC 9457 problem JSON. Thrown by handlers, so that their transaction rolls back. */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;

  constructor(status: number, title: string, detail: string) {
    super(detail);
    this.status = status;
    this.title = title;
  }
}

/** Something in the request is not as the API wants it; `detail` names the field and what was expected. */
export function badRequest(detail: string): Problem {
  return new Problem(400, 'Bad request', detail);
}

export function notFound(what: string): Problem {
  return new Problem(404, 'Not found', `${what} does not exist for this tenant`);
}

/** What was asked contradicts the present state. */
export function conflict(detail: string): Problem {
  return new Problem(409, 'Conflict', detail);
}
