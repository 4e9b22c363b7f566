/** Features of some samples, row by row, all of the same length. */
export type FeatureRows = readonly Float32Array[];

/**
 * Linear centred kernel alignment of two sets of features of the same samples (Kornblith et al., "Similarity of Neural
 * Network Representations Revisited", ICML 2019): HSIC(K, L) / sqrt(HSIC(K, K) · HSIC(L, L)), with K and L the matrices of
 * inner products between samples. It is 1 for features that differ by a rotation, a shift and a factor, and its expectation
 * is 0 for independent ones: HSIC is estimated without bias (Song et al., 2012, equation 5), as few samples of wide features
 * would look alike otherwise.
 *
 * @returns NaN for fewer than four samples and for features that do not vary
 */
export function linearCka(x: FeatureRows, y: FeatureRows): number {
  if (x.length !== y.length) throw new RangeError(`${x.length} and ${y.length} samples cannot be compared`);
  const size = x.length;
  if (size < 4) return Number.NaN;
  const [k, l] = [innerProducts(x), innerProducts(y)];
  return hsic(k, l, size) / Math.sqrt(hsic(k, k, size) * hsic(l, l, size));
}

/** Inner products of centred features between different samples, [n, n]; zeros on the diagonal. */
function innerProducts(rows: FeatureRows): Float64Array {
  const size = rows.length;
  const centred = centre(rows);
  const products = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    const a = centred[i] as Float64Array;
    for (let j = 0; j < i; j++) {
      const b = centred[j] as Float64Array;
      let sum = 0;
      for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number);
      products[i * size + j] = sum;
      products[j * size + i] = sum;
    }
  }
  return products;
}

/** Subtracts the mean sample: the estimate does not depend on it, but sums of what all samples have in common would round. */
function centre(rows: FeatureRows): Float64Array[] {
  const mean = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows)
    for (const [at, value] of row.entries()) mean[at] = (mean[at] as number) + value / rows.length;
  return rows.map((row) => Float64Array.from(row, (value, at) => value - (mean[at] as number)));
}

/** n(n - 3) times the unbiased estimate, of matrices with zeros on their diagonals. */
function hsic(k: Float64Array, l: Float64Array, size: number): number {
  const [rowsOfK, rowsOfL] = [rowSums(k, size), rowSums(l, size)];
  const total = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
  return (
    dot(k, l) + (total(rowsOfK) * total(rowsOfL)) / ((size - 1) * (size - 2)) - (2 / (size - 2)) * dot(rowsOfK, rowsOfL)
  );
}

function rowSums(matrix: Float64Array, size: number): Float64Array {
  return Float64Array.from({ length: size }, (_, row) =>
    matrix.subarray(row * size, (row + 1) * size).reduce((sum, value) => sum + value, 0),
  );
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number);
  return sum;
}
