// The built console and a browser, for the tests that use both; vitest runs this before them.

import type { TestProject } from "vitest/node";
import { findChromium } from "./chromium.ts";
import { builtConsole } from "./console.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** What admin is to serve as the console. */
    consoleFolder: string;
    /** Where Chromium is. */
    chromium: string;
  }
}

export async function setup(project: TestProject): Promise<void> {
  const { TEST_CHROMIUM } = process.env;
  const tell = (step: string) => void process.stderr.write(`${step}\n`);
  project.provide("chromium", TEST_CHROMIUM || (await findChromium(tell)));
  project.provide("consoleFolder", await builtConsole());
}
