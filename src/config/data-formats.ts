/** What kinds of image sets there are besides the generated one; each is recognised where `data.format` is `auto`. */
export const imageFormats = ['folder', 'cifar', 'idx', 'tar', 'manifest', 'packed'] as const;
export type ImageFormat = (typeof imageFormats)[number];

/** Values of `data.format`. Almost any file could be text, so that it is said and not recognised. */
export const dataFormats = [...imageFormats, 'text'] as const;
export type DataFormat = (typeof dataFormats)[number];

/** Whether a configuration is about text; otherwise it is about images. */
export function readsText({ data }: { readonly data: { readonly format: DataFormat | 'auto' } }): boolean {
  return data.format === 'text';
}
