import { parse } from "svelte/compiler";
import { expect, test } from "vitest";

const FILES = import.meta.glob<string>("../**/*.svelte", { query: "?raw", import: "default", eager: true });
/** What is the same in every language: names, commands, units and signs of the field. */
const NAMES =
  /^(softmax|tanh|ReLU|id|torchvision|JS|LSTM|RNN|CSV|SVG|PNG|npy|kv|top-[kp]|min-p|ms|px|MB|~\/.*|glasswork .*|--\w.*|x,y,.*|−(Σ )?ln p)$/s;
const SPOKEN = ["aria-label", "title", "placeholder", "alt", "label", "aria-roledescription"];

interface Node {
  type: string;
  [name: string]: unknown;
}

/** The nodes under a node of markup or of an expression. */
const under = (node: Node, ...names: string[]): Node[] =>
  names
    .flatMap((name) => node[name] as Node | Node[] | null | undefined)
    .filter((one): one is Node => typeof one?.type === "string");

/** The words that stand in the markup itself, where they can't be translated. */
function* words(node: Node): Generator<string> {
  if (node.type === "Text") yield String(node.data);
  else if (node.type === "ExpressionTag") yield* literals(node.expression as Node);
  else if (
    !node.type.endsWith("Directive") &&
    (node.type !== "Attribute" || SPOKEN.includes(String(node.name)))
  )
    for (const one of under(node, ...Object.keys(node).filter((name) => name !== "expression")))
      yield* words(one);
}

/** What an expression shows as it is written; what is given to a function is a key, or is shown by it. */
function* literals(node: Node): Generator<string> {
  if (node.type === "Literal" && typeof node.value === "string") yield node.value;
  if (node.type === "TemplateElement") yield (node.value as { raw: string }).raw;
  if (
    ["TemplateLiteral", "ConditionalExpression", "LogicalExpression", "BinaryExpression"].includes(node.type)
  )
    for (const one of under(node, "quasis", "expressions", "consequent", "alternate", "left", "right"))
      yield* literals(one);
}

test("no words stand in the markup: all are in the files of texts", () => {
  expect(Object.keys(FILES).length).toBeGreaterThan(200);
  const found = Object.entries(FILES).flatMap(([file, source]) =>
    [...words(parse(source, { modern: true }).fragment as unknown as Node)]
      .map((one) => one.replace(/^[\s()·,:;.×‹›=/]+|[\s()·,:;.×‹›=/]+$/g, ""))
      .filter((one) => /[A-Za-z]{2}/.test(one) && !NAMES.test(one))
      .map((one) => `${file}: ${one}`),
  );
  expect(found).toEqual([]);
}, 60_000);
