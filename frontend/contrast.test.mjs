// Every pair of text and ground that the style sheets put together meets WCAG 2.1 AA, in both themes.
import { readFile } from "node:fs/promises";

/** Text wants 4.5:1 (success criterion 1.4.3); borders of controls and parts of charts want 3:1 (1.4.11). */
const TEXT = 4.5;
const SHAPE = 3;
const GROUNDS = ["paper", "recess", "raised", "hover", "chosen"];

/** @type {[string, string[], number][]} */
const PAIRS = [
  ["ink", [...GROUNDS, "wrong-tint", "needs-tint", "good-tint"], TEXT],
  ["muted", [...GROUNDS, "wrong-tint"], TEXT],
  ["accent", [...GROUNDS, "wrong-tint", "needs-tint"], TEXT],
  ["accent-strong", GROUNDS, TEXT],
  ["on-accent", ["accent", "accent-strong"], TEXT],
  ["wrong", [...GROUNDS, "wrong-tint"], TEXT],
  ["on-wrong", ["wrong"], TEXT],
  ["needs", [...GROUNDS, "needs-tint"], TEXT],
  ["good", [...GROUNDS, "good-tint"], TEXT],
  ["edge", ["paper", "raised", "recess"], SHAPE],
  ...["clear", "green", "amber", "red"].map(
    (level) => /** @type {[string, string[], number]} */ ([`tlp-${level}`, ["tlp-ground"], TEXT]),
  ),
  ...[1, 2, 3, 4, 5, 6, 7, 8].map(
    (hue) => /** @type {[string, string[], number]} */ ([`hue-${hue}`, ["paper"], SHAPE]),
  ),
];

/** @param {string} hex @returns {number} Relative luminance, as WCAG 2.1 defines it. */
function luminance(hex) {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @param {string} one @param {string} other @returns {number} Contrast ratio, 1 to 21. */
function ratio(one, other) {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

const css = await readFile(new URL("tokens.css", import.meta.url), "utf8");
/** @type {Map<string, [string, string]>} */
const tokens = new Map();
for (const [, name = "", light = "", dark = light] of css.matchAll(
  /--([\w-]+):\s*(?:light-dark\()?(#[0-9a-f]{6})(?:,\s*(#[0-9a-f]{6})\))?;/g,
)) {
  tokens.set(name, [light, dark]);
}

const failures = [];
let checked = 0;
for (const [front, grounds, wanted] of PAIRS) {
  for (const ground of grounds) {
    for (const [index, theme] of ["light", "dark"].entries()) {
      const [a, b] = [tokens.get(front)?.[index], tokens.get(ground)?.[index]];
      if (a === undefined || b === undefined)
        throw new Error(`tokens.css has no --${a === undefined ? front : ground}.`);
      checked += 1;
      const found = ratio(a, b);
      if (found < wanted) failures.push(`${theme}: --${front} on --${ground} is ${found.toFixed(2)}, wanted ${wanted}`);
    }
  }
}
if (failures.length > 0) {
  console.error(failures.join("\n"));
  process.exit(1);
}
console.log(`contrast: ${checked} pairs of colours meet WCAG 2.1 AA`);
