/** The licences of what the built files contain, which go along with them. */
import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const CONTAINED = ["htmx.org", "echarts", "zrender", "tslib", "@tabler/icons", "world-atlas"];
const TEXT = /^(licen[cs]e|notice)(\.(md|txt))?$/i;

/** All licence and notice texts, each under the name of its package. Throws when a package has none. */
export async function licences(): Promise<string> {
  const parts: string[] = [];
  for (const name of CONTAINED) {
    const folder = fileURLToPath(new URL(`../../node_modules/${name}/`, import.meta.url));
    const files = (await readdir(folder)).filter((file) => TEXT.test(file)).sort();
    if (files.length === 0) throw new Error(`${name} has no licence file in ${folder}.`);
    for (const file of files) parts.push(`== ${name}: ${file}\n\n${(await readFile(folder + file, "utf8")).trim()}\n`);
  }
  return parts.join("\n");
}
