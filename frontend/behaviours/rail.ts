/** The rail where it lies across the top and is wider than the screen: the place where one is comes into view. */
export function showPlace(): void {
  const current = document.querySelector<HTMLElement>(".rail a[aria-current]");
  const rail = current?.closest("ul");
  if (!current || !rail) return;
  const [place, frame] = [current.getBoundingClientRect(), rail.getBoundingClientRect()];
  rail.scrollLeft += place.left - frame.left - (frame.width - place.width) / 2;
}
