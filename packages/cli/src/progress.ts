import cliProgress from "cli-progress";

/** How far long work has come; on a terminal it is seen. */
export interface Progress extends Disposable {
  /** How much there is to do, as far as it is known. */
  expect(total: number): void;
  advance(by?: number): void;
}

const unseen: Progress = { expect() {}, advance() {}, [Symbol.dispose]() {} };

export type StartProgress = (title: string) => Progress;

export function progressOn(stream: NodeJS.WriteStream, isWanted: boolean): StartProgress {
  if (!isWanted || !stream.isTTY) return () => unseen;
  return (title) => {
    const bar = new cliProgress.SingleBar(
      {
        stream,
        format: `${title} {bar} {value}/{total}`,
        clearOnComplete: true,
        hideCursor: true,
        // What is over at once need not be seen.
        fps: 10,
      },
      cliProgress.Presets.shades_classic,
    );
    let total = 0;
    bar.start(total, 0);
    return {
      expect(more) {
        total += more;
        bar.setTotal(total);
      },
      advance: (by = 1) => bar.increment(by),
      [Symbol.dispose]: () => bar.stop(),
    };
  };
}
