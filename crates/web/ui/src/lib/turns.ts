// Who is next: what takes the monitor long is asked a few at a time, in the order in which it is wanted.

export class Turns {
  private taken = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly places: number) {}

  /** Does `work` once a place is free; not at all if `signal` says before that nobody wants it any more. */
  async take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.place(signal);
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  private place(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    if (this.taken < this.places) {
      this.taken += 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', give);
        resolve();
      };
      const give = (): void => {
        this.waiting.splice(this.waiting.indexOf(begin), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', give, { once: true });
      this.waiting.push(begin);
    });
  }

  /** The place goes to who has waited longest. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.taken -= 1;
  }
}

/** Queries over the history: the monitor does three at once, and other pages want one too. */
export const queries = new Turns(2);
