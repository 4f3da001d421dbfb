/** What the promise brings, or `late` as a failure when that takes longer. */
export function within<T>(ms: number, result: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), ms);
    result.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
