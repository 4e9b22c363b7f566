/**
 * The same items, with the time added up in `waits` for which whoever takes them has nothing else to do than to wait for the
 * next one.
 *
 * @param idleSince when that began, as `performance.now` tells it; Infinity while there is something else to do
 */
export async function* timed<Item>(
  items: AsyncIterable<Item>,
  waits: { seconds: number },
  idleSince: () => number,
): AsyncGenerator<Item> {
  let asked = performance.now();
  for await (const item of items) {
    waits.seconds += Math.max(0, performance.now() - Math.max(asked, idleSince())) / 1000;
    yield item;
    asked = performance.now();
  }
}
