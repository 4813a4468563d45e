/** Passkeys (WebAuthn Level 3) for django-allauth's pages, without the inline calls that its own script waits for. */
import { word } from "../words.ts";
import { all } from "./elements.ts";

/** allauth puts the WebAuthn options under `creation_options` or `request_options`, in the JSON form of the standard. */
interface Options {
  creation_options?: { publicKey: PublicKeyCredentialCreationOptionsJSON };
  request_options?: { publicKey: PublicKeyCredentialRequestOptionsJSON };
}

async function optionsOf(form: HTMLFormElement): Promise<Options> {
  const inPage = document.getElementById(form.dataset["passkeyOptions"] ?? "");
  if (inPage) return JSON.parse(inPage.textContent ?? "{}") as Options;
  const answer = await fetch(form.dataset["passkeyUrl"] ?? form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(word("The node did not offer a passkey to prove. Reload the page and try again."));
  return (await answer.json()) as Options;
}

async function credential(form: HTMLFormElement): Promise<PublicKeyCredential> {
  const options = await optionsOf(form);
  let made: Credential | null = null;
  if (form.dataset["passkey"] === "create" && options.creation_options) {
    const asked = options.creation_options.publicKey;
    // Hanse has no passwords: a passkey must be found without a name and must check who holds it.
    const choice = {
      ...asked.authenticatorSelection,
      residentKey: "required",
      requireResidentKey: true,
      userVerification: "required",
    } as const;
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON({ ...asked, authenticatorSelection: choice });
    made = await navigator.credentials.create({ publicKey });
  } else if (options.request_options) {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options.request_options.publicKey);
    made = await navigator.credentials.get({ publicKey });
  }
  if (!(made instanceof PublicKeyCredential)) throw new Error(word("The device gave no passkey. Try again."));
  return made;
}

function trouble(error: unknown): string {
  if (error instanceof DOMException && error.name === "NotAllowedError") {
    return word("The device did not confirm in time, or it was cancelled. Try again.");
  }
  if (error instanceof DOMException && error.name === "InvalidStateError") {
    return word("This device already holds a passkey of this account. Use it, or take another device.");
  }
  return error instanceof Error ? error.message : String(error);
}

async function ceremony(form: HTMLFormElement): Promise<void> {
  const place = form.querySelector(".passkeyerror");
  place?.replaceChildren();
  form.setAttribute("aria-busy", "true");
  try {
    const field = form.querySelector<HTMLInputElement>("input[name=credential]");
    if (!field) throw new Error(word("This page has no place for a passkey. Tell your administrator."));
    field.value = JSON.stringify((await credential(form)).toJSON());
    form.submit();
  } catch (error) {
    if (place) place.textContent = trouble(error);
  } finally {
    form.removeAttribute("aria-busy");
  }
}

/** Serve the forms with `data-passkey`. */
export function servePasskeys(root: ParentNode): void {
  for (const form of all<HTMLFormElement>("form[data-passkey]", root)) {
    if (!window.PublicKeyCredential) {
      const place = form.querySelector(".passkeyerror");
      if (place) place.textContent = word("This browser has no passkeys, or the page is not served over HTTPS or localhost.");
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (form.reportValidity()) void ceremony(form);
    });
  }
}
