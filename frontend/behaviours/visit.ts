/** Going to another page of this node. */

/** Go to an address that came with data, but never to another site and never to a script. */
export function visit(address: string): void {
  const target = new URL(address, location.href);
  if (target.origin === location.origin) location.assign(target);
}
