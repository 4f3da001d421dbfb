// A person at the console: a browser, the running system, and what went wrong in the browser meanwhile.

import axe from "axe-core";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { expect, inject } from "vitest";
import { type Facade, startFacade } from "../rest/facade.ts";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

/** For what a person waits: generous, as many processes may share few cores. */
const patienceMs = 60_000;

export type Look = "light" | "dark" | "narrow";
export const looks = ["light", "dark", "narrow"] as const satisfies readonly Look[];

interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What browsers complain about, as a breach of the Content-Security-Policy; failed requests are not among it. */
  readonly complaints: readonly string[];
}

export interface ConsoleUnderTest extends AsyncDisposable {
  readonly facade: Facade;
  /** A browser of its own, which nobody has signed in with. */
  visit(look?: Look): Promise<Visit>;
  /** The same, signed in with a key, at a page of the console. */
  signedIn(key: string, path?: string, look?: Look): Promise<Visit>;
}

interface ConsoleOptions {
  /** More environment for every service. */
  readonly environment?: Readonly<Record<string, string>>;
  /** By which address browsers reach the console; where admin listens when left out. */
  readonly address?: string;
}

export async function startConsole({ environment, address }: ConsoleOptions = {}): Promise<ConsoleUnderTest> {
  await using parts = new AsyncDisposableStack();
  const facade = parts.use(
    await startFacade({ PORTCULLIS_CONSOLE_FOLDER: inject("consoleFolder"), ...environment }),
  );
  const browser = await chromium.launch({ executablePath: inject("chromium"), args: flags });
  parts.defer(() => browser.close());
  const visit = async (look: Look = "light"): Promise<Visit> => {
    const context = await browser.newContext({
      baseURL: address ?? facade.system.adminUrl,
      // What stands before the console in tests, and identity providers there, vouch for themselves.
      ignoreHTTPSErrors: true,
      colorScheme: schemeOf(look),
      viewport: viewportOf(look),
      reducedMotion: "reduce",
      permissions: ["clipboard-read", "clipboard-write"],
    });
    context.setDefaultTimeout(patienceMs);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      const isFailedRequest = message.text().startsWith("Failed to load resource");
      if (message.type() === "error" && !isFailedRequest) complaints.push(message.text());
    });
    return { page, context, complaints };
  };
  const running = parts.move();
  return {
    facade,
    visit,
    async signedIn(key, path = "/console/settings/members", look = "light") {
      const made = await visit(look);
      await made.page.goto(path);
      await signIn(made.page, key);
      await made.page.getByRole("heading", { level: 1 }).waitFor();
      await settled(made.page);
      return made;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Fills in the sign-in page. */
export async function signIn(page: Page, key: string): Promise<void> {
  await page.getByRole("textbox", { name: "API key" }).fill(key);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Sign in to Portcullis" }).waitFor({ state: "detached" });
}

/** Turns the room dark, or the screen narrow, while the page stays as it is. */
export async function lookAt(page: Page, look: Look): Promise<void> {
  await page.emulateMedia({ colorScheme: schemeOf(look) });
  await page.setViewportSize(viewportOf(look));
  // The console hears of it a moment later.
  const root = page.locator(`html[data-mantine-color-scheme="${schemeOf(look)}"]`);
  await root.waitFor({ state: "attached" });
  // Painted anew, and nothing is on its way to another colour or place.
  await page.evaluate(`new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
    .then(() => Promise.allSettled(document.getAnimations().map(({ finished }) => finished)))`);
}

function schemeOf(look: Look): "dark" | "light" {
  return look === "dark" ? "dark" : "light";
}

function viewportOf(look: Look): { width: number; height: number } {
  return look === "narrow" ? { width: 390, height: 844 } : { width: 1280, height: 800 };
}

/** Waits until nothing is loading any more. */
export async function settled(page: Page): Promise<void> {
  await page.waitForLoadState("networkidle");
  await expect.poll(() => page.locator(".mantine-Skeleton-root").count(), { timeout: patienceMs }).toBe(0);
}

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What stands in the way of people with disabilities on a page, as axe finds it. */
export async function violationsOn(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const run = "axe.run(document, { resultTypes: ['violations'] })";
  const { violations } = await page.evaluate<{ violations: readonly Violation[] }>(run);
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`),
  );
}

/** Picks somebody in a field that searches the directory. */
export async function pick(page: Page, field: string, name: string): Promise<void> {
  await page
    .getByRole("combobox", { name: field })
    .or(page.getByRole("textbox", { name: field }))
    .first()
    .fill(name);
  await page.getByRole("option", { name }).first().click();
}

/** Expects an announcement, which screen readers are told too. */
export async function expectAnnounced(page: Page, text: string | RegExp): Promise<void> {
  await page.getByRole("status").getByText(text).first().waitFor();
}
