import { type ChildProcess, spawn } from "node:child_process";
import { writeLine } from "./inputs.ts";
import { isAnswer } from "./run.ts";
import { type Answer, type Driver, DriverFault, type Request } from "./types.ts";

/** How much of what a driver printed is told when it fails. */
const TOLD = 2_000;

interface Reply {
  line?: string;
  fault?: string;
}

/**
 * A driver as a process that reads requests and writes answers, a line of JSON each. A process that fails is ended, with
 * all that it started; the next request starts another.
 */
export class DriverProcess implements Driver {
  readonly capabilities: readonly string[];
  readonly #command: string;
  readonly #timeout: number;
  #running: Running | undefined;
  #asked = 0;
  /** Whether it has ever kept to the protocol. */
  hasAnswered = false;

  /**
   * @param command - as a shell takes it.
   * @param timeout - how many seconds one answer may take.
   */
  constructor(command: string, capabilities: readonly string[], timeout: number) {
    this.#command = command;
    this.capabilities = capabilities;
    this.#timeout = timeout;
  }

  async ask(request: Request): Promise<Answer> {
    this.#running ??= new Running(this.#command);
    const id = ++this.#asked;
    const { line, fault } = await this.#running.ask(
      writeLine({ id, ...request }),
      this.#timeout * 1_000,
    );
    if (line === undefined) return this.#fail(fault ?? "it ended");
    let answer: { id?: unknown };
    try {
      answer = Object(JSON.parse(line));
    } catch {
      return this.#fail(`it said what is no JSON: ${cut(line)}`);
    }
    if (answer.id !== id) return this.#fail(`it was asked ${id}, and answered: ${cut(line)}`);
    if (!isAnswer(answer))
      return this.#fail(`it answered with neither a value nor an error: ${cut(line)}`);
    this.hasAnswered = true;
    return answer;
  }

  /** Ends its input, and waits for it to end. @throws DriverFault unless it ends well. */
  async end(): Promise<void> {
    const fault = await this.#running?.end(this.#timeout * 1_000);
    if (fault !== undefined) this.#fail(fault);
    this.#running = undefined;
  }

  #fail(message: string): never {
    const told = this.#running?.told ?? "";
    this.#running?.kill();
    this.#running = undefined;
    throw new DriverFault(told === "" ? message : `${message}\nIts standard error: ${told}`);
  }
}

/** One process. */
class Running {
  readonly #child: ChildProcess;
  /** Of the line that is not yet whole. */
  #parts: Buffer[] = [];
  #replies: Reply[] = [];
  #wake = () => {};
  /** The end of what it wrote to standard error. */
  told = "";

  constructor(command: string) {
    // A group of its own: to end a shell is not to end what it runs.
    this.#child = spawn(command, { shell: true, detached: process.platform !== "win32" });
    this.#child.stdout?.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.told = (this.told + text).slice(-TOLD);
    });
    // A pipe that nobody reads any more: `close` says why.
    this.#child.stdin?.on("error", () => {});
    this.#child.on("error", ({ message }) => this.#reply({ fault: message }));
    this.#child.on("close", (code, signal) =>
      this.#reply({ fault: code === 0 ? "it ended" : `it ended with ${signal ?? `code ${code}`}` }),
    );
  }

  async ask(line: string, timeout: number): Promise<Reply> {
    const unasked = this.#replies.shift();
    if (unasked?.line !== undefined)
      return { fault: `it said what nobody asked for: ${cut(unasked.line)}` };
    if (unasked !== undefined) return unasked;
    this.#child.stdin?.write(`${line}\n`);
    return this.#next(timeout);
  }

  /** Gives what is wrong with its end, if anything. */
  async end(timeout: number): Promise<string | undefined> {
    this.#child.stdin?.end();
    const { line, fault } = await this.#next(timeout);
    if (line !== undefined) return `it said what nobody asked for: ${cut(line)}`;
    return fault === "it ended" ? undefined : fault;
  }

  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  }

  async #next(timeout: number): Promise<Reply> {
    const late = setTimeout(
      () => this.#reply({ fault: `it said nothing for ${timeout / 1_000} s` }),
      timeout,
    );
    while (this.#replies.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(late);
    return this.#replies.shift() as Reply;
  }

  #reply(reply: Reply): void {
    this.#replies.push(reply);
    this.#wake();
  }

  /** Lines end with a line feed alone; a text may hold what else Unicode calls the end of a line. */
  #read(chunk: Buffer): void {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      this.#parts.push(rest.subarray(0, end));
      this.#reply({ line: Buffer.concat(this.#parts).toString("utf8") });
      this.#parts = [];
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) this.#parts.push(rest);
  }
}

function cut(text: string): string {
  return text.length > TOLD ? `${text.slice(0, TOLD)}… (${text.length} characters)` : text;
}
