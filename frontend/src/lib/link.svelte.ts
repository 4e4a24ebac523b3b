/** The socket to the program: typed requests, typed answers, and a new try when it is lost. */
import { untrack } from "svelte";
import type { Answer, Request } from "./messages";
import { decode, type Tensor } from "./tensors";

type Without<T> = T extends unknown ? Omit<T, "request"> : never;
export type Question = Without<Request>;
export type Listener = (answer: Answer, tensors: Tensor[]) => void;
export type LinkState = "connecting" | "open" | "lost";

const LONGEST_WAIT = 8000;

export class Link {
  state = $state<LinkState>("connecting");
  #socket: WebSocket | null = null;
  #next = 1;
  #waiting = new Map<number, Listener>();
  #unsent: string[] = [];
  #wait = 250;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reopened = new Set<() => void>();
  /** A new question in a view replaces the one before it, which then gets no answer. */
  #views = new Map<string, number>();

  constructor() {
    this.connect();
  }

  connect(): void {
    clearTimeout(this.#timer);
    this.#socket?.close(); // one that still tries
    const address = new URL("socket", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      const again = this.state === "lost";
      this.state = "open";
      for (const text of this.#unsent.splice(0)) socket.send(text);
      if (again) for (const listener of this.#reopened) listener();
    };
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      const { answer, tensors } =
        typeof data === "string" ? { answer: JSON.parse(data) as Answer, tensors: [] } : decode(data);
      this.#wait = 250; // only an answer shows that the other end is well
      const listener = this.#waiting.get(answer.request);
      if (answer.type === "done" || answer.type === "failure") this.#waiting.delete(answer.request);
      listener?.(answer, tensors);
    };
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#lose();
      this.#timer = setTimeout(() => this.connect(), this.#wait);
      this.#wait = Math.min(LONGEST_WAIT, this.#wait * 2);
    };
    this.#socket = socket;
  }

  #lose(): void {
    this.state = "lost";
    this.#waiting.clear();
    this.#unsent = [];
  }

  /** The other end is silent although the socket stands, as after a sleep or behind a cut wire: try another one. */
  renew(): void {
    this.#lose();
    this.connect();
  }

  /**
   * Called when the socket is back after it was lost; what was asked before must be asked again.
   * Gives what ends it.
   */
  onReopen(listener: () => void): () => void {
    this.#reopened.add(listener);
    return () => this.#reopened.delete(listener);
  }

  /** Ask; the answers come to the listener, the last of them "done" or "failure". Gives the request's number. */
  ask(question: Question, listener: Listener): number {
    return untrack(() => this.#ask(question, listener)); // who asks does not depend on the link's state
  }

  #ask(question: Question, listener: Listener): number {
    const request = this.#next++;
    if ("view" in question) {
      const view = `${question.type} ${question.view}`;
      this.#waiting.delete(this.#views.get(view) ?? 0);
      this.#views.set(view, request);
    }
    this.#waiting.set(request, listener);
    this.#send({ ...question, request } as Request);
    return request;
  }

  cancel(request: number): void {
    if (!this.#waiting.delete(request)) return;
    this.#send({ type: "cancel", cancels: request, request: this.#next++ });
  }

  #send(message: Request): void {
    const text = JSON.stringify(message);
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
    else if (this.state === "connecting") this.#unsent.push(text);
  }
}

export const link = new Link();
