/** Placements that are looked at before the best so far is taken: some milliseconds. */
const EFFORT = 200_000;

/** Relative difference of sums that only their order makes. */
const ROUNDING = 1e-12;

/**
 * The order in which jobs that are ready together should begin on equal places, each taking the next job once it is free,
 * so that the last ends as early as possible. Returns indices into `costs`.
 *
 * Longest first alone (Graham, 1969) may take 4/3 - 1/(3m) times as long as the best schedule. So all assignments are
 * searched depth-first, those that cannot become better cut off; for a dozen jobs that is quick, and beyond it what was
 * found with limited effort is never worse than longest first.
 */
export function dispatchOrder(costs: readonly number[], places: number): number[] {
  const longestFirst = costs.map((_, index) => index).sort((a, b) => (costs[b] as number) - (costs[a] as number));
  const assignment = assign(
    longestFirst.map((index) => costs[index] as number),
    Math.max(1, places),
  );
  // On each place the longest begins, so that what is left for last, where estimates have gone wrong, is short.
  const begins = new Map<number, number>();
  const loads = new Map<number, number>();
  longestFirst.forEach((job, rank) => {
    const place = assignment[rank] as number;
    const load = loads.get(place) ?? 0;
    begins.set(job, load);
    loads.set(place, load + (costs[job] as number));
  });
  // A stable sort: of jobs that begin together the longest comes first.
  return longestFirst.sort((a, b) => (begins.get(a) as number) - (begins.get(b) as number));
}

/** The place of each job; costs descend. */
function assign(costs: readonly number[], places: number): number[] {
  const loads = new Array<number>(places).fill(0);
  const current = new Array<number>(costs.length).fill(0);
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  const bound = Math.max(total / places, costs[0] ?? 0);
  let best: number[] = [];
  let shortest = Number.POSITIVE_INFINITY;
  let effort = 0;

  const place = (rank: number, longest: number): void => {
    if (longest >= shortest) return;
    const cost = costs[rank];
    if (cost === undefined) {
      best = [...current];
      shortest = longest;
      return;
    }
    // The least loaded place first: the first assignment that is completed is that of longest first.
    const order = loads.map((_, index) => index).sort((a, b) => (loads[a] as number) - (loads[b] as number));
    let tried: number | undefined;
    for (const index of order) {
      const load = loads[index] as number;
      // Places of equal load are alike.
      if (load === tried) continue;
      if (shortest <= bound * (1 + ROUNDING) || (effort > EFFORT && best.length > 0)) return;
      tried = load;
      effort++;
      loads[index] = load + cost;
      current[rank] = index;
      place(rank + 1, Math.max(longest, load + cost));
      loads[index] = load;
    }
  };
  place(0, 0);
  return best;
}
