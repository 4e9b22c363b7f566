import { element } from './svg.ts';

/**
 * Colours that are told apart with any colour vision (after Okabe and Ito, 2008), darker on white and lighter on black, so
 * that their contrast is 3 to 1 at least. Shapes of marks and dashes of lines say the same once more.
 */
const onWhite = ['#0072b2', '#d55e00', '#009e73', '#b5508c', '#a87400', '#2f8fc4', '#222222'] as const;
const onBlack = ['#4aa3df', '#ff7f2a', '#00c290', '#e29ac4', '#e69f00', '#8fd0f5', '#f0f0f0'] as const;

export const colourClass = (index: number) => `c${index % onWhite.length}`;

/** Dashes of a line: whole where the colours are used for the first time. */
export function dashes(index: number): string {
  return ['none', '6 3', '2 3', '9 3 2 3'][Math.floor(index / onWhite.length) % 4] as string;
}

/** A filled mark around a point. */
export function mark(shape: number, x: number, y: number, size = 4): string {
  const points = (...corners: readonly (readonly [number, number])[]) =>
    element('polygon', {
      class: 'mark',
      points: corners.map(([dx, dy]) => `${round(x + dx * size)},${round(y + dy * size)}`).join(' '),
    });
  switch (shape % 5) {
    case 0:
      return element('circle', { class: 'mark', cx: x, cy: y, r: size });
    case 1:
      return points([-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]);
    case 2:
      return points([0, -1.2], [1.1, 0.8], [-1.1, 0.8]);
    case 3:
      return points([0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]);
    default:
      return points([0, 1.2], [1.1, -0.8], [-1.1, -0.8]);
  }
}

/** Colours as classes, for what shows documents on dark ground tells them so. */
export function styleSheet(): string {
  const colours = (palette: readonly string[]) =>
    palette.map((colour, index) => `.c${index}{color:${colour}}`).join('');
  const surface = (ground: string, ink: string, quiet: string, grid: string) =>
    `.ground{fill:${ground}}.ink{fill:${ink}}.quiet{fill:${quiet}}.grid{stroke:${grid}}.axis{stroke:${quiet}}`;
  return element(
    'style',
    {},
    'text{font:12px system-ui,sans-serif}.title{font-weight:600;font-size:14px}.mark{fill:currentColor}',
    '.line{fill:none;stroke:currentColor;stroke-width:1.8}.error{stroke:currentColor;stroke-width:1.2}',
    surface('#ffffff', '#1f2328', '#59636e', '#e3e7eb'),
    colours(onWhite),
    '@media(prefers-color-scheme:dark){',
    surface('#0d1117', '#f0f3f6', '#9aa4ae', '#262c34'),
    colours(onBlack),
    '}',
  );
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
