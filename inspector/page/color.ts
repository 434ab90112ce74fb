/** Colors of the style sheet, for what is drawn and not styled. */
/// <reference lib="dom" />

const dark = matchMedia("(prefers-color-scheme: dark)");
let known = new Map<string, string>();
dark.addEventListener("change", () => known = new Map());

/** What the variable `--name` is in the scheme of the moment. */
export function color(name: string): string {
  let value = known.get(name);
  if (value === undefined) {
    const probe = document.createElement("span");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    value = getComputedStyle(probe).color;
    probe.remove();
    known.set(name, value);
  }
  return value;
}

/** Calls it when the scheme is another one. Returns what takes that back. */
export function onScheme(changed: () => void): () => void {
  dark.addEventListener("change", changed);
  return () => dark.removeEventListener("change", changed);
}
