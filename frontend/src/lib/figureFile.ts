/** What is drawn of a figure, as a file: its canvases as pictures, its lines and words as they stand. */
const SPACE = "http://www.w3.org/2000/svg";
const DRAWN = ["fill", "stroke", "stroke-width", "opacity", "stroke-dasharray"] as const;
const WRITTEN = ["font-family", "font-size", "font-weight"] as const;

/** The part of a figure that is in sight, as one SVG that needs nothing else. */
export function asSvg(root: HTMLElement): string {
  const frame = root.getBoundingClientRect();
  const page = getComputedStyle(document.body);
  const svg = node("svg", {
    width: frame.width,
    height: frame.height,
    viewBox: `0 0 ${frame.width} ${frame.height}`,
  });
  svg.append(node("rect", { width: frame.width, height: frame.height, fill: page.backgroundColor }));
  draw(root, svg, frame);
  return new XMLSerializer().serializeToString(svg);
}

/** The same as pixels, as many as the screen has for it. */
export async function asPng(root: HTMLElement): Promise<Blob | null> {
  const { width, height } = root.getBoundingClientRect();
  const picture = new Image();
  picture.src = URL.createObjectURL(new Blob([asSvg(root)], { type: "image/svg+xml" }));
  try {
    await picture.decode();
    const canvas = document.createElement("canvas");
    const sharp = Math.max(2, devicePixelRatio);
    Object.assign(canvas, { width: Math.round(width * sharp), height: Math.round(height * sharp) });
    canvas.getContext("2d")!.drawImage(picture, 0, 0, canvas.width, canvas.height);
    return await new Promise((then) => canvas.toBlob(then, "image/png"));
  } finally {
    URL.revokeObjectURL(picture.src);
  }
}

function node(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

const apart = (one: DOMRect, other: DOMRect): boolean =>
  one.right <= other.left || one.left >= other.right || one.bottom <= other.top || one.top >= other.bottom;

function draw(one: Element, into: SVGElement, frame: DOMRect): void {
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  if (style.visibility === "hidden" || style.display === "none") return;
  const [x, y] = [box.left - frame.left, box.top - frame.top];
  if (one instanceof HTMLCanvasElement) {
    const image = { href: one.toDataURL("image/png"), x, y, width: box.width, height: box.height };
    into.append(node("image", { ...image, "image-rendering": "pixelated" }));
    return;
  }
  if (one instanceof SVGSVGElement) {
    into.append(copied(one, x, y, box));
    return;
  }
  if (style.backgroundColor !== "rgba(0, 0, 0, 0)" && box.width > 0 && !apart(box, frame)) {
    const round = Number.parseFloat(style.borderRadius) || 0;
    const fill = { fill: style.backgroundColor, opacity: style.opacity };
    into.append(node("rect", { x, y, width: box.width, height: box.height, rx: round, ...fill }));
  }
  for (const child of one.childNodes) {
    if (child instanceof Element) draw(child, into, frame);
    else if (child instanceof Text) write(child, into, frame, style);
  }
}

/** A drawing of the figure's own, with what style sheets say of it written into it. */
function copied(one: SVGSVGElement, x: number, y: number, { width, height }: DOMRect): SVGElement {
  const copy = one.cloneNode(true) as SVGSVGElement;
  const [shapes, theirs] = [one.querySelectorAll("*"), copy.querySelectorAll("*")];
  shapes.forEach((shape, i) => {
    const style = getComputedStyle(shape);
    for (const name of DRAWN) theirs[i]!.setAttribute(name, style.getPropertyValue(name));
    theirs[i]!.removeAttribute("class");
  });
  for (const [key, value] of Object.entries({ x, y, width, height })) copy.setAttribute(key, String(value));
  return copy;
}

/** One line of text for each line that the browser made of it. */
function write(words: Text, into: SVGElement, frame: DOMRect, style: CSSStyleDeclaration): void {
  const range = document.createRange();
  const lines: { text: string; box: DOMRect }[] = [];
  for (let at = 0; at < words.data.length; at++) {
    range.setStart(words, at);
    range.setEnd(words, at + 1);
    const box = range.getBoundingClientRect();
    const last = lines.at(-1);
    if (last && Math.abs(last.box.top - box.top) < 2) last.text += words.data[at];
    else lines.push({ text: words.data[at]!, box });
  }
  for (const { text, box } of lines) {
    if (!text.trim() || apart(box, frame)) continue;
    const at = { x: box.left - frame.left, y: box.top - frame.top + 0.78 * box.height };
    const font = Object.fromEntries(WRITTEN.map((name) => [name, style.getPropertyValue(name)]));
    const line = node("text", { ...at, ...font, fill: style.color });
    line.textContent = text.trimEnd();
    into.append(line);
  }
}
