import { type DebianProgram, findDebianProgram } from "./debian-program.ts";

const chromium: DebianProgram = {
  title: "Chromium",
  neededFor: "the console's tests need",
  names: ["chromium", "chromium-browser", "google-chrome"],
  packages: ["chromium", "fonts-dejavu-core"],
  advice: ", or set TEST_CHROMIUM to where it is",
};

/** The browser that tests of the console use. */
export function findChromium(tell: (step: string) => void): Promise<string> {
  return findDebianProgram(chromium, tell);
}
