/** One SVG file with the used icons of the Tabler set, each a symbol with the console's own name for it. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import names from "../icons.json" with { type: "json" };

const require = createRequire(import.meta.url);

/** The drawing of one icon, without the empty square that every Tabler icon starts with. */
async function drawing(file: string): Promise<string> {
  const svg = await readFile(require.resolve(`@tabler/icons/outline/${file}.svg`), "utf8");
  const inner = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
  return inner
    .replace(/<path stroke="none"[^>]*>/g, "")
    .replace(/\s+/g, " ")
    .trim();
}

/** The sprite: `icons.svg#name` for each name of `icons.json`. Throws when the set has no icon of that file name. */
export async function sprite(): Promise<string> {
  const symbols = await Promise.all(
    Object.entries(names).map(
      async ([name, file]) =>
        `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" ` +
        `stroke-linecap="round" stroke-linejoin="round">${await drawing(file)}</symbol>`,
    ),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
}

/** The icon of the browser's tab: three ships' sails on a deep sea blue. */
export function tabIcon(): string {
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="#0b4f7a"/>' +
    '<path d="M7 21V11l6 10zM14 21V7l6 14zM21 21V11l5 10zM5 24h22" fill="#fff" stroke="#fff" stroke-width="1.5" ' +
    'stroke-linejoin="round" stroke-linecap="round"/></svg>\n'
  );
}
