/** What kinds of data sets there are besides the generated one, for `data.format`. */
export const dataFormats = ['folder', 'cifar', 'idx', 'tar', 'manifest', 'packed'] as const;
export type DataFormat = (typeof dataFormats)[number];
