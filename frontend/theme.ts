/** Takes up the remembered theme before anything is painted. A file of its own, because it must not wait for the rest. */
try {
  const kept = localStorage.getItem("hanse-theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset["theme"] = kept;
} catch {
  // Storage is shut off in this browser: the system's choice stands.
}
