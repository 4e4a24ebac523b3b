import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** KaTeX names each font three times; every browser that runs this page reads woff2. */
const woff2Only: Plugin = {
  name: "woff2-only",
  enforce: "pre",
  transform: (code, id) =>
    id.includes("katex.min.css")
      ? code.replace(/,url\([^)]*\.(?:woff|ttf)\) format\("[a-z]+"\)/g, "")
      : undefined,
};

// Relative addresses, so that the app also runs behind a notebook's proxy.
export default defineConfig({
  base: "./",
  plugins: [svelte(), woff2Only],
  build: {
    outDir: "../src/glasswork/static/app",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: { include: ["src/**/*.test.ts"] },
});
