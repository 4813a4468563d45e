/**
 * What a tab keeps is sealed: a browser writes it to its disk. The key stands in the pages of who is signed in alone,
 * which no browser keeps; the node derives it for each person, so that it is the same after signing in again.
 */

const NONCE_BYTES = 12;

let imported: Promise<CryptoKey | null> | undefined;

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

/** The key of this page; none where nobody is signed in. */
function key(): Promise<CryptoKey | null> {
  const told = document.body.dataset["keepKey"];
  imported ??= told
    ? crypto.subtle.importKey("raw", bytesOf(told), "AES-GCM", false, ["encrypt", "decrypt"])
    : Promise.resolve(null);
  return imported;
}

const named = (name: string, iv: Uint8Array<ArrayBuffer>): AesGcmParams => ({
  name: "AES-GCM",
  iv,
  additionalData: new TextEncoder().encode(name),
});

/** A text sealed under a name; null where there is no key. */
export async function sealed(name: string, text: string): Promise<string | null> {
  const own = await key();
  if (!own) return null;
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const told = new Uint8Array(await crypto.subtle.encrypt(named(name, nonce), own, new TextEncoder().encode(text)));
  return btoa(Array.from([...nonce, ...told], (one) => String.fromCharCode(one)).join(""));
}

/** What was sealed under a name; null where it was not by this person, or not under that name. */
export async function opened(name: string, text: string): Promise<string | null> {
  const own = await key();
  if (!own) return null;
  try {
    const all = bytesOf(text);
    const params = named(name, all.slice(0, NONCE_BYTES));
    return new TextDecoder().decode(await crypto.subtle.decrypt(params, own, all.slice(NONCE_BYTES)));
  } catch {
    return null;
  }
}
