/** The latest of what came, from which the least used is taken. */
export interface ReplayBuffer<Item> {
  /** Where there are as many as the buffer holds, the oldest goes. */
  put(item: Item): void;
  /** The least used item, the newest of several; waits for one where none has come. */
  take(): Promise<Item>;
}

/**
 * The buffer between two modules in decoupled greedy learning (Belilovsky et al., ICML 2020, section 3.2): a module that is
 * faster than the one before it learns from a batch once more, one that is slower leaves some out.
 *
 * @param size items that it holds; a single one is taken once
 */
export function createReplayBuffer<Item>(size: number): ReplayBuffer<Item> {
  const held: { readonly item: Item; uses: number }[] = [];
  let waiting: (() => void)[] = [];
  return {
    put(item) {
      if (held.length === size) held.shift();
      held.push({ item, uses: 0 });
      for (const wake of waiting) wake();
      waiting = [];
    },
    async take() {
      while (held.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      const fewest = Math.min(...held.map(({ uses }) => uses));
      const found = held.findLast(({ uses }) => uses === fewest) as (typeof held)[number];
      found.uses += 1;
      if (size === 1) held.pop();
      return found.item;
    },
  };
}
