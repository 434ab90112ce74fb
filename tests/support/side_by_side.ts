/**
 * Tests that mostly wait, of which none minds the others: the first one that runs begins all. Each fails for itself. Not for what looks
 * at the threads, the descriptors or the CPU time of the whole process.
 */
export function sideBySide(tests: Record<string, () => Promise<void>>): void {
  let begun: Map<string, Promise<void>> | undefined;
  for (const name of Object.keys(tests)) {
    Deno.test(name, () => {
      begun ??= new Map(Object.entries(tests).map(([name, test]) => [name, test()]));
      // Whose test is not the next to run is looked at later.
      for (const outcome of begun.values()) outcome.catch(() => {});
      return begun.get(name)!;
    });
  }
}
