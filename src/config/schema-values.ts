import { z } from 'zod';

/*
 * What settings of several sections are made of.
 */

export const fraction = z.number().min(0).max(1);
export const positiveInteger = z.int().positive();
export const pair = (value: z.ZodNumber) => z.array(value).length(2);
