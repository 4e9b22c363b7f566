/** The same items, with the time that whoever takes them waits for the next one added up in `waits`. */
export async function* timed<Item>(items: AsyncIterable<Item>, waits: { seconds: number }): AsyncGenerator<Item> {
  let asked = performance.now();
  for await (const item of items) {
    waits.seconds += (performance.now() - asked) / 1000;
    yield item;
    asked = performance.now();
  }
}
