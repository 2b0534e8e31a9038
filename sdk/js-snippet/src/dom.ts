type Child = string | Node;

/** An element with a name, which is both its class and its part. Text stays text: Trusted Types may be `'none'`. */
export const el = <Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  name: string,
  ...children: Child[]
): HTMLElementTagNameMap[Tag] => {
  const node = document.createElement(tag);
  if (name) {
    node.className = name;
    (node as unknown as { part: string }).part = name;
  }
  node.append(...children);
  return node;
};

/** A button; inside a shadow root it submits nothing. */
export const button = (name: string, clicked: () => void, ...children: Child[]): HTMLButtonElement => {
  const node = el('button', name, ...children);
  node.addEventListener('click', clicked);
  return node;
};
