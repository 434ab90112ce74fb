/** `--inspect`: a debugger attaches to threads. */
import { assertEquals } from "@std/assert";
import { soon } from "../support/deadline.ts";

interface Message {
  readonly method?: string;
  // deno-lint-ignore no-explicit-any -- of the inspector's protocol
  readonly params?: any;
}

const program = new URL("../programs/stops_for_a_debugger.ts", import.meta.url).pathname;

Deno.test("a task stops at its debugger statement, and goes on when the debugger says so", async () => {
  const args = ["run", "-A", "--no-check", "--inspect=127.0.0.1:0", program];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "piped" })
    .spawn();
  const errors = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let told = "";
  while (!/ws:\S+\s/.test(told)) told += (await soon(errors.read(), "the debugger's address")).value;
  const socket = new WebSocket(told.match(/ws:\S+/)![0]);
  const paused = Promise.withResolvers<string>();
  let id = 0;
  const send = (method: string, params = {}) => socket.send(JSON.stringify({ id: ++id, method, params }));
  const toThread = (sessionId: string, method: string, params = {}) =>
    send("NodeWorker.sendMessageToWorker", {
      sessionId,
      message: JSON.stringify({ id: ++id, method, params }),
    });
  socket.onopen = () => send("NodeWorker.enable", { waitForDebuggerOnStart: false });
  socket.onmessage = ({ data }) => {
    const { method, params }: Message = JSON.parse(data);
    if (method === "NodeWorker.attachedToWorker") toThread(params.sessionId, "Debugger.enable");
    if (method !== "NodeWorker.receivedMessageFromWorker") return;
    const inner: Message = JSON.parse(params.message);
    if (inner.method !== "Debugger.paused") return;
    const [{ callFrameId, functionName }] = inner.params.callFrames;
    paused.resolve(functionName);
    const expression = `seen.by = "the test"`;
    toThread(params.sessionId, "Debugger.evaluateOnCallFrame", { callFrameId, expression });
    toThread(params.sessionId, "Debugger.resume");
  };
  assertEquals(await soon(paused.promise, "the statement"), "stops");
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await soon(output.read(), "the result")).value, "the test\n");
  // The program would wait for the debugger to go.
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await soon(closed, "the end of the session");
  await soon(Promise.all([child.status, errors.cancel(), output.cancel()]), "the program's end");
});
