import { describe, expect, it } from 'vitest';
import { lambdasOf } from '../../../src/methods/lambdas.ts';

const none = { reconstruction: null, label: null };

describe('the weights of InfoPro’s local losses', () => {
  it('lie on a line between those of the first and the last', () => {
    const settings = { reconstruction: [3, 1], label: [0, 1] };
    expect([0, 1, 2].map((index) => lambdasOf(settings, 4, index))).toEqual([
      { reconstruction: 3, label: 0 },
      { reconstruction: 2, label: 0.5 },
      { reconstruction: 1, label: 1 },
    ]);
  });

  it('of two modules are those of the first', () => {
    expect(lambdasOf({ reconstruction: [3, 1], label: [0.5, 1] }, 2, 0)).toEqual({ reconstruction: 3, label: 0.5 });
  });

  // Published for ResNet-110 on CIFAR-10 with contrast.
  it.each([
    [2, 5, 0.5, 5, 0.5],
    [4, 1, 0, 0, 1],
    [8, 5, 0, 0, 1],
    [16, 5, 0, 0.5, 1],
  ])('of %i modules are the published ones where none are configured', (modules, first1, first2, last1, last2) => {
    expect(lambdasOf(none, modules, 0)).toEqual({ reconstruction: first1, label: first2 });
    expect(lambdasOf(none, modules, modules - 2)).toEqual({ reconstruction: last1, label: last2 });
  });

  it.each([3, 5, 7, 20])('leave no module of %i without a loss', (modules) => {
    for (let index = 0; index < modules - 1; index++) {
      const { reconstruction, label } = lambdasOf(none, modules, index);
      expect(reconstruction + label).toBeGreaterThan(0);
    }
  });

  it('must not both be zero', () => {
    expect(() => lambdasOf({ reconstruction: [1, 0], label: [1, 0] }, 4, 2)).toThrow(
      expect.objectContaining({ code: 'CONFIG_VALUE', message: expect.stringContaining('module 2') }),
    );
  });
});
