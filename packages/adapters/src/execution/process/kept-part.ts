const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 10_000;

/** One part that is looked after: never twice at a time, and after a failure again only after a wait that doubles. */
export class KeptPart {
  private readonly work: () => Promise<void>;
  private readonly report: (event: string) => void;
  private busy = false;
  private failures = 0;
  private notBefore = 0;

  constructor(work: () => Promise<void>, report: (event: string) => void) {
    this.work = work;
    this.report = report;
  }

  async look(): Promise<void> {
    if (this.busy || performance.now() < this.notBefore) return;
    this.busy = true;
    try {
      await this.work();
      this.failures = 0;
    } catch (error) {
      this.notBefore = performance.now() + Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures++);
      this.report((error as Error).message);
    } finally {
      this.busy = false;
    }
  }
}
