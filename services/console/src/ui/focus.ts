// Where the focus was before a dialog opened: it goes back there, whatever road led to the dialog.

let last: HTMLElement | null = null;

/** Begins to notice where the focus is; once, before anything can be opened. */
export function followFocus(): void {
  document.addEventListener("focusin", ({ target }) => {
    if (target instanceof HTMLElement && target.closest('[role="dialog"]') === null)
      last = outsideMenu(target);
  });
}

/** Gives the focus back; to the page's heading when what had it is gone. */
export function returnFocus(): void {
  const heading = document.querySelector<HTMLElement>("h1");
  (last?.isConnected === true ? last : heading)?.focus();
}

/** An entry of a menu is gone when the menu is: the button that opens it stays. */
function outsideMenu(element: HTMLElement): HTMLElement {
  const button = element.closest('[role="menu"]')?.getAttribute("aria-labelledby");
  return (typeof button === "string" ? document.getElementById(button) : null) ?? element;
}
