/**
 * The thread of a policy: one for each box that has one. It imports the policy, goes behind the box's wall for good, and
 * then judges and carries out one call after the other. A policy that computes for ever stops no more than this thread:
 * the supervisor, on another one, ends the calls that wait for it, and makes it an idle one (referral.ts).
 *
 * While calls come one upon the other it waits for the next one in a system call, and judges it without a turn of its event
 * loop: that turn, and the scheduler's around it, took longer than all else. What takes its time has the event loop.
 */

import { setImmediate } from "node:timers";
import { errnoName } from "../../ffi/errno.ts";
import { Channel, type Scheduler, type Task, task } from "../../mod.js";
import type { Asked, CopiedCall } from "./copied_call.ts";
import { Emulation, loadEmulation, type Question, type Result, unloadEmulation } from "./emulation.ts";
import { say, type Showing, Shown } from "./log.ts";
import { toText } from "./plan.ts";
import {
  checkVerdict,
  LONGEST_VERDICT,
  type Policy,
  PolicyError,
  type PolicyRequest,
  type Verdict,
} from "./policy.ts";
import { Answers } from "./seccomp.ts";
import { close, EACCES, enterWall, loadSystemCalls, makeIdle } from "./system_call.ts";
import { Bell, Event } from "./wake.ts";

/** What the thread gets: first the wall, then calls. */
export type Work = { readonly listener: number; readonly ruleset?: number } | CopiedCall;

/** A policy by its module, or by a function of the host, which is asked by channel. */
export type Source = { readonly module: string } | { readonly asks: Asks };

interface Asks {
  readonly questions: Channel<{ number: number; request: PolicyRequest }>;
  readonly verdicts: Channel<{ number: number; verdict?: unknown; error?: string }>;
}

type Readiness = { readonly thread: number } | { readonly problem: string };

/** Milliseconds that the import of a policy may take. */
const LONGEST_IMPORT = 10_000;

const judge = task(
  import.meta,
  "judge",
  async (
    context,
    source: Source,
    work: Channel<Work>,
    ready: Channel<Readiness>,
    sent: number,
    decided: number,
    showing: Showing,
  ): Promise<void> => {
    let judging: Judging | undefined;
    let root: number | undefined;
    const pending = new Set<Promise<void>>();
    try {
      const policy = "module" in source ? await imported(source.module) : asking(source.asks);
      loadSystemCalls();
      loadEmulation();
      const shown = new Shown(showing);
      const verdicts = new Event(decided);
      verdicts.take(); // loads what that takes
      const coming = new Coming(work, new Bell(sent));
      await ready.send({ thread: context.tid });
      for (;;) {
        // What waits for a promise waits for the event loop.
        const next = (pending.size === 0 ? coming.soon() : undefined) ?? await coming.later();
        if (next.done) break;
        const item = next.value;
        if ("listener" in item) {
          enterWall(item.ruleset);
          judging = new Judging(policy, new Answers(item.listener), verdicts, shown);
          await ready.send({ thread: context.tid });
          continue;
        }
        root = item.root;
        const end = started(judging!.judge(item))?.finally(() => pending.delete(end!));
        if (end) pending.add(end);
      }
      await Promise.all(pending);
      if (root !== undefined) close(root);
    } catch (error) {
      ready.trySend({ problem: (error as Error)?.message || String(error) });
    } finally {
      unloadEmulation();
    }
  },
);

/** Milliseconds: the next call of a program that makes many is there by then. */
const SOON = 2;
/** Milliseconds without a turn of the event loop. What a policy has begun has its turns also while calls come all the time. */
const LONGEST_STAY = 10;

/** What the thread gets next. */
class Coming {
  readonly #work: Channel<Work>;
  readonly #sent: Bell;
  #turned = 0;

  constructor(work: Channel<Work>, sent: Bell) {
    this.#work = work;
    this.#sent = sent;
  }

  /** What is there or comes within the next moments, in which this thread sleeps; none when the event loop is due. */
  soon(): IteratorResult<Work, undefined> | undefined {
    const start = performance.now();
    if (start - this.#turned > LONGEST_STAY) return undefined;
    for (;;) {
      const next = this.#work.tryRecv(); // before it sleeps; who sends rings after that
      if (next !== undefined || performance.now() - start > SOON) return next;
      this.#sent.wait();
    }
  }

  /** The same after a turn of the event loop, and as many as it takes. */
  async later(): Promise<IteratorResult<Work, undefined>> {
    await new Promise((resolve) => setImmediate(resolve));
    const next = await this.#work[Symbol.asyncIterator]().next();
    this.#turned = performance.now();
    return next;
  }
}

/** The steps of a judgement: each is a promise, or a value that is there. */
// deno-lint-ignore no-explicit-any
type Steps<R> = Generator<unknown, R, any>;

/** Does them at once as far as no promise is among them, and then the rest, for which it returns one. */
function started(steps: Steps<void>): Promise<void> | undefined {
  let step = steps.next();
  while (!step.done && !(step.value instanceof Promise)) step = steps.next(step.value);
  return step.done ? undefined : finished(steps, step.value as Promise<unknown>);
}

async function finished(steps: Steps<void>, awaited: unknown): Promise<void> {
  for (;;) {
    const resume = await Promise.resolve(awaited).then(
      (value) => () => steps.next(value),
      (error) => () => steps.throw(error),
    );
    const { done, value } = resume();
    if (done) return;
    awaited = value;
  }
}

async function imported(module: string): Promise<Policy> {
  const policy = (await import(module)).default;
  if (typeof policy !== "function") throw new Error(`its default export is no function`);
  return policy;
}

/** A function of the host as a policy. */
function asking({ questions, verdicts }: Asks): Policy {
  const waiting = new Map<number, PromiseWithResolvers<Verdict>>();
  let asked = 0;
  const hear = async () => {
    for await (const { number, verdict, error } of verdicts) {
      if (error === undefined) waiting.get(number)?.resolve(verdict as Verdict);
      else waiting.get(number)?.reject(new Error(error));
      waiting.delete(number);
    }
  };
  hear();
  return async (request) => {
    const number = ++asked;
    const answer = Promise.withResolvers<Verdict>();
    waiting.set(number, answer);
    await questions.send({ number, request });
    return await answer.promise;
  };
}

class Judging {
  readonly #policy: Policy;
  readonly #answers: Answers;
  readonly #decided: Event;
  readonly #shown: Shown;
  /** Programs by whether the policy lets them run. */
  readonly #programs = new Map<string, boolean>();
  readonly #said = new Set<string>();
  #isFirst = true;

  constructor(policy: Policy, answers: Answers, decided: Event, shown: Shown) {
    this.#policy = policy;
    this.#answers = answers;
    this.#decided = decided;
    this.#shown = shown;
  }

  *judge(call: CopiedCall): Steps<void> {
    let isDecided = false;
    const decide = () => {
      if (!isDecided) this.#decided.set();
      isDecided = true;
    };
    using emulation = new Emulation(call, this.#answers);
    let question: Question | undefined;
    let result: Result = -EACCES;
    try {
      const prepared = emulation.prepare();
      if (typeof prepared === "number") result = prepared;
      else {
        question = prepared.question;
        const verdict: Verdict = (yield* this.#mayRun(call))
          ? question ? yield* this.#verdict(call, question) : "allow"
          : "deny";
        decide();
        if (verdict === "allow") result = yield prepared.perform();
        else if (verdict === "deny") result = -EACCES;
        else result = "open" in verdict ? yield prepared.perform(verdict.open) : -verdict.errno;
      }
      if (result === "proceed" && question?.path !== undefined) this.#programs.set(question.path, true);
    } catch (error) {
      result = -EACCES;
      this.#say(`carrying out ${call.name} failed: ${String(error)}`);
    }
    decide();
    this.#end(call, question, result);
  }

  /** Ends the call, and shows it before: its thread does not write into the line. */
  #end(call: CopiedCall, question: Question | undefined, result: Result): void {
    const { id } = call;
    if (result === "proceed") {
      this.#show(call, question, undefined);
      this.#answers.proceed(id);
      return;
    }
    let value = result;
    if (typeof value === "object") {
      const ends = !this.#shown.isOn;
      value = this.#answers.give(id, value.fd, value.closesOnExec, ends);
      if (ends && value >= 0) return;
    }
    this.#show(call, question, value);
    this.#answers.end(id, value);
  }

  /**
   * Whether the policy lets the calling process run what it runs. It was asked as that was executed, by the path that the
   * kernel then read once more: here is what has come of it, and interpreters too.
   */
  *#mayRun(call: CopiedCall): Steps<boolean> {
    const isFirst = this.#isFirst; // the launcher executes the program
    this.#isFirst = false;
    const program = toText(call.program);
    if (isFirst) return true;
    const known = this.#programs.get(program);
    if (known !== undefined) return known;
    const may = program !== "" && (yield* this.#verdict(call, { call: "exec", path: program })) === "allow";
    this.#programs.set(program, may);
    return may;
  }

  /** What is no verdict in time is a denial. */
  *#verdict(call: CopiedCall, question: Question): Steps<Verdict> {
    const request: PolicyRequest = { ...question, thread: call.thread, program: toText(call.program) };
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      let verdict = this.#policy(request);
      if (verdict instanceof Promise) {
        const { promise: late, reject } = Promise.withResolvers<never>();
        timer = setTimeout(
          () => reject(new Error(`no verdict within ${LONGEST_VERDICT} ms`)),
          LONGEST_VERDICT,
        );
        verdict = (yield Promise.race([verdict, late])) as Verdict;
      }
      return checkVerdict(verdict, request);
    } catch (error) {
      this.#say(`the policy has failed, which denies ${question.call}: ${messageOf(error)}`);
      return "deny";
    } finally {
      clearTimeout(timer);
    }
  }

  /** Once. */
  #say(message: string): void {
    if (this.#said.has(message) || this.#said.size > 100) return;
    this.#said.add(message);
    say(message);
  }

  #show(call: CopiedCall, question: Question | undefined, result: number | undefined): void {
    if (!this.#shown.isOn) return;
    const { thread, name, asked } = call;
    const names = namesOf(asked, question).map((path) => JSON.stringify(path)).join(", ");
    const suffix = question?.write ? question.read ? " to read and write" : " to write" : "";
    this.#shown.show({
      thread,
      call: name,
      subject: (question?.address ?? names) + suffix,
      ...(result !== undefined && { result: result < 0 ? errnoName(result) : result }),
    });
  }
}

/** As they were found, or else as they were written. */
function namesOf(asked: Asked, question: Question | undefined): string[] {
  if (question) return [question.path, question.to].filter((name) => name !== undefined);
  return [
    "file" in asked && asked.file ? [toText(asked.file.path)] : [],
    "to" in asked ? [toText(asked.to.path)] : [],
  ].flat();
}

function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "what it threw cannot be shown";
  }
}

/** The host's side of it. */
export class PolicyThread {
  /** For the supervisor, which sends calls. */
  readonly work: Channel<Work>;
  /** Rung by the supervisor when it has sent some. */
  readonly sent = Bell.makePair(SOON);
  /** Counts the verdicts. */
  readonly decided = Event.make();
  /** By its number, once it has been started. */
  thread = 0;
  readonly #ready: Channel<Readiness>;
  readonly #task: Task<void>;
  readonly #close: () => void;
  #ended: Promise<void> | undefined;

  /** Throws a `PolicyError` if it cannot be imported. Nothing of the box needs to be there yet. */
  static async start(
    scheduler: Scheduler,
    policy: string | Policy,
    showing: Showing,
  ): Promise<PolicyThread> {
    const thread = new PolicyThread(scheduler, policy, showing);
    const name = typeof policy === "string" ? policy : "onRequest";
    await thread.#isReady(`The policy ${name} cannot be used`, LONGEST_IMPORT);
    return thread;
  }

  private constructor(scheduler: Scheduler, policy: string | Policy, showing: Showing) {
    this.work = new Channel(scheduler, 256);
    this.#ready = new Channel(scheduler, 2);
    let source: Source;
    if (typeof policy === "string") {
      source = { module: policy };
      this.#close = () => this.work.close();
    } else {
      const asks: Asks = { questions: new Channel(scheduler, 256), verdicts: new Channel(scheduler, 256) };
      answer(policy, asks);
      source = { asks };
      this.#close = () => {
        this.work.close();
        asks.questions.close();
        asks.verdicts.close();
      };
    }
    const call = judge(source, this.work, this.#ready, this.sent[1].fd, this.decided.fd, showing);
    this.#task = scheduler.dedicate(call, { name: "policy" });
    this.#task.catch(() => {}); // the supervisor sees that no verdicts come
  }

  /** From here on it judges calls of this listener, and is behind the wall. */
  async enter(listener: number, ruleset: number | undefined): Promise<void> {
    await this.work.send({ listener, ...(ruleset !== undefined && { ruleset }) });
    await this.#isReady("The policy's thread cannot go behind the wall", LONGEST_IMPORT);
  }

  async #isReady(what: string, longest: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<Readiness>((resolve) => {
      timer = setTimeout(() => resolve({ problem: `not within ${longest} ms` }), longest);
    });
    try {
      const readiness = await Promise.race([
        this.#ready.recv(),
        late,
        this.#task.then(() => ({ problem: "it has ended" }), (error) => ({ problem: String(error) })),
      ]);
      if ("problem" in readiness) throw new PolicyError(`${what}: ${readiness.problem}.`);
      this.thread = readiness.thread;
    } catch (error) {
      this.end();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Settles when the thread has ended, and uses the listener no more. If the policy computes for ever, that is when the
   * scheduler is closed, and until then it gets only what is left of the CPUs: nothing but that ends a thread in a loop.
   */
  end(): Promise<void> {
    return this.#ended ??= this.#end();
  }

  async #end(): Promise<void> {
    this.#close();
    const late = setTimeout(() => this.thread !== 0 && makeIdle(this.thread), LONGEST_VERDICT);
    Deno.unrefTimer(late);
    await this.#task.catch(() => {});
    clearTimeout(late);
    for (const bell of this.sent) bell.close();
    this.decided.close();
  }
}

/** Asks the host's function, about several calls at once if it takes its time. */
async function answer(policy: Policy, { questions, verdicts }: Asks): Promise<void> {
  for await (const { number, request } of questions) {
    const reply = async () => {
      try {
        const verdict = await policy(request);
        await verdicts.send({ number, verdict: checkVerdict(verdict, request) });
      } catch (error) {
        await verdicts.send({ number, error: messageOf(error) });
      }
    };
    reply().catch(() => {}); // the box has ended meanwhile
  }
}
