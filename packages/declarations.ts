/** Declarations, for who has no sources: by TypeScript, which needs to look at one module alone as no public type is inferred. */
import { generateDtsBundle } from "dts-bundle-generator";
import ts from "typescript";
import { modulesOf } from "./graph.ts";
import { root, write } from "./folder.ts";

/** Of one module. An error if a type in it is to be inferred. */
export async function declarationOf(path: string): Promise<string> {
  const { text, inferred } = await declared(path);
  if (inferred !== undefined) throw new Error(`${path}: ${inferred}`);
  return text;
}

/** Of a module with all that its exports mention, and nothing else: a hundred modules come to 110 KB. */
export async function declarationOfPackage(entry: string): Promise<string> {
  const directory = await Deno.makeTempDir();
  try {
    const at = new URL(`file://${directory}/`);
    for (const path of await modulesOf([entry])) {
      // What is inferred within the package is no part of what its exports mention: `deno publish` sees to that.
      if (path.endsWith(".ts")) await write(new URL(asDeclaration(path), at), (await declared(path)).text);
    }
    const compilerOptions = {
      target: "esnext",
      module: "esnext",
      moduleResolution: "bundler",
      skipLibCheck: true,
      // Of what Deno has, this takes nothing that browsers do not.
      lib: ["esnext", "dom"],
      types: [],
    };
    await write(
      new URL("tsconfig.json", at),
      JSON.stringify({ compilerOptions, files: [asDeclaration(entry)] }),
    );
    const output = { noBanner: true, exportReferencedTypes: false };
    const [text] = generateDtsBundle([{ filePath: `${directory}/${asDeclaration(entry)}`, output }], {
      preferredConfigPath: `${directory}/tsconfig.json`,
    });
    return text;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function asDeclaration(path: string): string {
  return path.replace(/\.ts$/, ".d.ts");
}

async function declared(path: string): Promise<{ readonly text: string; readonly inferred?: string }> {
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(
    await Deno.readTextFile(new URL(path, root)),
    {
      fileName: path,
      compilerOptions: { isolatedDeclarations: true, stripInternal: true, target: ts.ScriptTarget.ESNext },
    },
  );
  return {
    text: outputText.replace(/((?:from |import\()"\.[^"]*)\.ts"/g, '$1.js"')
      // TypeScript 5.9 says of a method that has a symbol's name also that it is a property.
      .replace(/^ *\[Symbol\.\w+\]: \(\) => .*;\n/gm, ""),
    inferred: diagnostics.length === 0
      ? undefined
      : ts.flattenDiagnosticMessageText(diagnostics[0].messageText, "\n"),
  };
}
