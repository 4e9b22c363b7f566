/*
 * Signed distances, negative inside, of shapes that fit into the unit disc around the origin; y points down. Where the
 * exact distance is costly a bound with the same zero line is used: it only smooths the border.
 */

export type Distance = (x: number, y: number) => number;

/** Regular polygon with `count` corners, the first one on top. */
function polygon(count: number): Distance {
  const sector = Math.PI / count;
  return (x, y) => {
    const angle = Math.atan2(x, -y);
    const folded = angle - 2 * sector * Math.round(angle / (2 * sector) - 0.5) - sector;
    return norm(x, y) * Math.cos(folded) - Math.cos(sector);
  };
}

/** Star with `count` points; `inner` is the radius between them. */
function star(count: number, inner: number): Distance {
  const sector = Math.PI / count;
  // Normal of the edge from the point (radius 1, angle 0) to the notch (radius inner, angle sector).
  const dx = inner * Math.sin(sector);
  const dy = inner * Math.cos(sector) - 1;
  const length = norm(dx, dy);
  return (x, y) => {
    const radius = norm(x, y);
    const angle = Math.atan2(x, -y);
    const folded = Math.abs(angle - 2 * sector * Math.round(angle / (2 * sector)));
    const across = radius * Math.sin(folded);
    const along = radius * Math.cos(folded) - 1;
    return (along * dx - across * dy) / length;
  };
}

const box =
  (halfWidth: number, halfHeight: number): Distance =>
  (x, y) =>
    Math.max(Math.abs(x) - halfWidth, Math.abs(y) - halfHeight);

const circle =
  (radius: number): Distance =>
  (x, y) =>
    norm(x, y) - radius;

const union =
  (first: Distance, second: Distance): Distance =>
  (x, y) =>
    Math.min(first(x, y), second(x, y));

/** `Math.hypot` without its care for overflow, which takes most of the time of drawing. */
function norm(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}

function crescent(x: number, y: number): number {
  return Math.max(norm(x, y) - 0.95, 0.75 - norm(x - 0.5, y));
}

/** (x² + y² - 1)³ = x² y³, scaled to the unit disc and divided by its slope. */
function heart(x: number, y: number): number {
  const u = x * 1.3;
  const v = 0.1 - y * 1.3;
  const ring = u * u + v * v - 1;
  const value = ring * ring * ring - u * u * v * v * v;
  const slopeX = 6 * u * ring * ring - 2 * u * v * v * v;
  const slopeY = 6 * v * ring * ring - 3 * u * u * v * v;
  return value / (norm(slopeX, slopeY) * 1.3 + 1e-3);
}

/** The classes of the generated data set in the order of their labels; `turns` is how far they may be rotated, radians. */
export const shapeClasses: readonly { readonly name: string; readonly distance: Distance; readonly turns: number }[] = [
  { name: 'circle', distance: circle(0.9), turns: 0 },
  { name: 'crescent', distance: crescent, turns: Math.PI / 4 },
  { name: 'cross', distance: union(box(0.92, 0.27), box(0.27, 0.92)), turns: Math.PI / 8 },
  { name: 'ellipse', distance: (x, y) => norm(x, y / 0.45) * 0.45 - 0.43, turns: Math.PI / 4 },
  { name: 'heart', distance: heart, turns: Math.PI / 6 },
  { name: 'pentagon', distance: polygon(5), turns: Math.PI / 10 },
  { name: 'ring', distance: (x, y) => Math.abs(norm(x, y) - 0.7) - 0.22, turns: 0 },
  { name: 'square', distance: box(0.72, 0.72), turns: Math.PI / 12 },
  { name: 'star', distance: star(5, 0.42), turns: Math.PI / 10 },
  { name: 'triangle', distance: polygon(3), turns: Math.PI / 10 },
];
