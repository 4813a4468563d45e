/** Parts of forms that are shown closed. */

/** Open what is closed around an element, so that nothing is typed, wrong or sent out of sight. */
export function openAround(element: Element): void {
  const fold = element.closest<HTMLDetailsElement>("details.fold");
  if (fold) fold.open = true;
}

/** Open what holds a field that the browser will not send: it says so at the field, which nobody would see. */
export function startFolds(): void {
  document.addEventListener("invalid", (event) => event.target instanceof Element && openAround(event.target), true);
}
