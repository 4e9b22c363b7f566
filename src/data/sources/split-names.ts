/** What the splits of published data sets are called; of several for validation the first that is there counts. */
export const trainNames = ['train', 'training'] as const;
export const validationNames = ['val', 'validation', 'valid', 'test'] as const;
