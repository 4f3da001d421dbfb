import { registerHooks } from "node:module";

/** Has every module whose path ends so be loaded with one text replaced by another. */
export function plant(path: string, text: string, instead: string): void {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (!url.endsWith(path)) return loaded;
      const { source: bytes } = loaded;
      if (bytes === undefined || bytes === null) throw new Error(`${path} has no source`);
      const source = typeof bytes === "string" ? bytes : Buffer.from(bytes as Uint8Array).toString();
      if (!source.includes(text)) throw new Error(`there is no \`${text}\` in ${path} any more`);
      return { ...loaded, source: source.replace(text, instead) };
    },
  });
}
