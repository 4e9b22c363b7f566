export type Attributes = Readonly<Record<string, string | number>>;

/** An element of an SVG document; children are elements already written. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(textOf(value))}"`);
  const open = `<${name}${written.join('')}`;
  return children.length === 0 ? `${open}/>` : `${open}>${children.join('')}</${name}>`;
}

export function text(content: string, attributes: Attributes): string {
  return element('text', attributes, escaped(content));
}

/** What screen readers read, and browsers show beside the pointer. */
export function titled(content: string): string {
  return element('title', {}, escaped(content));
}

/** Coordinates to a hundredth of a pixel. */
function textOf(value: string | number): string {
  return typeof value === 'number' ? String(Math.round(value * 100) / 100) : value;
}

function escaped(content: string): string {
  const known: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  // Control characters cannot be in XML at all.
  return content.replaceAll(/[&<>"]/g, (found) => known[found] as string).replaceAll(/[^\P{Cc}\n\t]/gu, '');
}
