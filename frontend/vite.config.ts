/** Builds the console's style sheet, script, islands, icons and borders under stable names for Django's static files. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { borders } from "./build/borders.ts";
import { sprite, tabIcon } from "./build/icons.ts";
import { licences } from "./build/licences.ts";
import type { Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Emits the files that are made from other packages' data, so that none of it is kept in the repository. */
function derivedFiles(): Plugin {
  return {
    name: "hanse-derived-files",
    apply: "build",
    async generateBundle() {
      this.emitFile({ type: "asset", fileName: "icons.svg", source: await sprite() });
      this.emitFile({ type: "asset", fileName: "icon.svg", source: tabIcon() });
      this.emitFile({ type: "asset", fileName: "world.json", source: await borders() });
      this.emitFile({ type: "asset", fileName: "licences.txt", source: await licences() });
    },
  };
}

export default defineConfig({
  root: here("."),
  base: "./",
  publicDir: false,
  plugins: [derivedFiles()],
  build: {
    outDir: here("../src/hanse/console/static/console"),
    emptyOutDir: true,
    target: ["chrome123", "firefox121", "safari17.5"],
    modulePreload: false,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      // htmx holds an eval that its setting allowEval turns off, and that the content policy forbids as well.
      checks: { eval: false },
      input: { console: here("console.ts"), theme: here("theme.ts") },
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "islands/[name].js",
        assetFileNames: "[name][extname]",
      },
    },
  },
});
