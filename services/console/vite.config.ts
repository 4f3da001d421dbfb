import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

export default defineConfig({
  base: "/console/",
  plugins: [react(), compressedAssets()],
  build: {
    manifest: true,
    // Those that know the CSS function light-dark().
    target: ["chrome123", "edge123", "firefox120", "safari17.5"],
    // The strict Content-Security-Policy lets no inline script through.
    modulePreload: { polyfill: false },
  },
});

/** Admin compresses nothing on the fly: it serves these beside the plain files. */
function compressedAssets(): Plugin {
  let assets = "";
  return {
    name: "compressed-assets",
    configResolved(config) {
      assets = resolve(config.root, config.build.outDir, config.build.assetsDir);
    },
    closeBundle() {
      for (const name of readdirSync(assets).filter((file) => /\.(js|css|svg)$/.test(file))) {
        const path = join(assets, name);
        const content = readFileSync(path);
        writeFileSync(`${path}.br`, brotliCompressSync(content));
        writeFileSync(`${path}.gz`, gzipSync(content));
      }
    },
  };
}
