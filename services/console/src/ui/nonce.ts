declare global {
  var __webpack_nonce__: string | undefined;
}

/** The library that stops the page from scrolling behind a dialog looks for the nonce under this name. */
export function setNonce(nonce: string): void {
  globalThis.__webpack_nonce__ = nonce;
}
