import { IncubateError } from '../util/errors.ts';
import { disposed } from './failures.ts';

/** Who uses an engine's state: one run of a program at a time, and nobody after its end. */
export class StateUse {
  #user: string | null = null;
  #isDisposed = false;
  readonly #release: () => void;

  /** @param release gives the tensors' memory back; called once the state is disposed and no run uses it */
  constructor(release: () => void) {
    this.#release = release;
  }

  /** Throws ENGINE_DISPOSED after the end, of a use such as `a state that is read`. */
  assertAlive(what: string): void {
    if (this.#isDisposed) throw disposed(what);
  }

  /** Throws ENGINE_STATE while a run uses the state, and as {@link assertAlive}. */
  assertFree(what: string): void {
    this.assertAlive(what);
    if (this.#user !== null) throw new IncubateError('ENGINE_STATE', `${what} is in use by ${this.#user}`);
  }

  /** Leaves the tensors to one run of a program; nothing else changes them before it ends. */
  async lend<T>(program: string, use: () => Promise<T>): Promise<T> {
    this.assertFree(`the state given to ${program}`);
    this.#user = program;
    try {
      return await use();
    } finally {
      this.#user = null;
      if (this.#isDisposed) this.#release();
    }
  }

  dispose(): void {
    this.#isDisposed = true;
    if (this.#user === null) this.#release();
  }
}
