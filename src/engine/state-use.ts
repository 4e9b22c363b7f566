import { IncubateError } from '../util/errors.ts';
import { disposed } from './failures.ts';

/** Who uses an engine's state: runs of programs, and nobody after its end. */
export class StateUse {
  readonly #users: string[] = [];
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
    const [user] = this.#users;
    if (user !== undefined) throw new IncubateError('ENGINE_STATE', `${what} is in use by ${user}`);
  }

  /** Leaves the tensors to one run of a program; nothing else changes them before it ends. */
  async lend<T>(program: string, use: () => Promise<T>): Promise<T> {
    this.assertFree(`the state given to ${program}`);
    return await this.share(program, use);
  }

  /** Leaves the tensors to a run that keeps to the order of its kind by itself. */
  async share<T>(program: string, use: () => Promise<T>): Promise<T> {
    this.assertAlive(`the state given to ${program}`);
    this.#users.push(program);
    try {
      return await use();
    } finally {
      this.#users.shift();
      if (this.#isDisposed && this.#users.length === 0) this.#release();
    }
  }

  dispose(): void {
    this.#isDisposed = true;
    if (this.#users.length === 0) this.#release();
  }
}
