/** How often it is drawn, at most: every so many things. */
const STEP = 100;

/** A line on a terminal's standard error that counts: `300/6000 images`. Elsewhere nothing is shown. */
export function progressCounter(what: string): {
  readonly show: (done: number, total: number) => void;
  readonly clear: () => void;
} {
  const { stderr } = process;
  if (!stderr.isTTY) return { show: () => {}, clear: () => {} };
  return {
    show(done, total) {
      if (done % STEP === 0 || done === total) stderr.write(`\r${done}/${total} ${what}`);
    },
    clear: () => void stderr.write('\r\u001b[K'),
  };
}
