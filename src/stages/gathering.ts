/** Gathers what every stage has to say. */
export class Gathering<Part> {
  readonly parts: Part[] = [];
  readonly done: Promise<Part[]>;
  private readonly count: number;
  private resolve: (parts: Part[]) => void = () => {};
  reject: (error: Error) => void = () => {};
  private received = 0;

  constructor(count: number) {
    this.count = count;
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Whoever asked may have failed before.
    this.done.catch(() => {});
  }

  add(index: number, part: Part): void {
    this.parts[index] = part;
    this.received += 1;
    if (this.received === this.count) this.resolve(this.parts);
  }
}
