// The short set of the model checker: `deno task model` has the long one.
import { assert, assertEquals } from "@std/assert";
import { Checker, find } from "../model/checker.ts";
import { mutants } from "../model/mutants.ts";

const checker = new Checker();

for (const scenario of checker.scenarios) {
  Deno.test(`in all interleavings: ${scenario.name}`, () => {
    const { failure } = checker.explore(scenario, scenario.short ?? 0);
    assertEquals(failure && [...failure.journal, failure.message, failure.seed].join("\n"), undefined);
  });
}

Deno.test("each seeded fault has its text once in its module, and a scenario that could find it", () => {
  for (const { fault, file, find, scenarios } of mutants) {
    const source = Deno.readTextFileSync(new URL(`../../${file}`, import.meta.url));
    assertEquals(source.split(find).length - 1, 1, `${fault}: ${find}`);
    for (const part of scenarios) {
      assert(checker.scenarios.some(({ name }) => name.includes(part)), `${fault}: no scenario "${part}"`);
    }
  }
});

{
  const [mutant] = mutants;
  Deno.test(`the model checker finds a fault: ${mutant.fault}; and its seed leads there again`, () => {
    const faulty = new Checker([mutant]);
    const { scenario, outcome } = find(mutant, faulty)!;
    const { failure } = outcome;
    assert(failure!.journal.some((step) => step.includes(`${mutant.file}:`)));
    const again = faulty.anew();
    assertEquals(again.replay(again.named(scenario.name), failure!.seed).message, failure!.message);
  });
}
