/** The marking stays in sight at the top and at the foot; what stays below or above it must know how high it is. */

function follow(element: Element | null, token: string): void {
  if (!element) {
    document.documentElement.style.setProperty(token, "0px");
    return;
  }
  new ResizeObserver(() => {
    document.documentElement.style.setProperty(token, `${element.getBoundingClientRect().height}px`);
  }).observe(element);
}

/** Keep `--head` and `--foot` equal to the height of the bands of the marking; 0 where a page has none. */
export function startBands(): void {
  follow(document.querySelector(".markband, body > .marking"), "--head");
  follow(document.querySelector("body > .foot"), "--foot");
}
