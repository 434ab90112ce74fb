import ts from "typescript";

/** Nodes of a file's syntax tree. */
export function countNodes(path: string): number {
  const file = ts.createSourceFile(path, Deno.readTextFileSync(path), ts.ScriptTarget.Latest);
  let nodes = 0;
  const visit = (node: ts.Node) => {
    nodes++;
    ts.forEachChild(node, visit);
  };
  visit(file);
  return nodes;
}
