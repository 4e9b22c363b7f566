import { type Assignment, levels } from './assignment.ts';
import type { Problem } from './problems.ts';

const precedence = (assignment: Assignment | undefined) => (assignment ? levels.indexOf(assignment.level) : -1);

/**
 * Makes the number of modules and their depths agree where only one of them was meant: the one of higher precedence
 * decides. Depths tell the number of modules; a number that fits no longer puts the depths back to a balanced division.
 *
 * @param chosen the assignments that count, by key; changed in place
 * @returns CONFIG_DIVISION where both come from the same level and disagree
 */
export function reconcileDivision(chosen: Map<string, Assignment>): Problem[] {
  const modules = chosen.get('division.modules');
  const depths = chosen.get('division.depths');
  if (!depths || !Array.isArray(depths.value) || depths.value.length === modules?.value) return [];

  const count = depths.value.length;
  if (precedence(depths) > precedence(modules)) {
    chosen.set('division.modules', { ...depths, key: 'division.modules', value: count });
    return [];
  }
  if (modules && precedence(modules) > precedence(depths)) {
    chosen.set('division.depths', { ...modules, key: 'division.depths', value: null });
    return [];
  }
  return [
    {
      code: 'CONFIG_DIVISION',
      message: `division.depths lists ${count} modules (${depths.origin}), but division.modules is ${modules?.value} (${modules?.origin})`,
      hint: 'Leave one of them out, or make them agree.',
    },
  ];
}
