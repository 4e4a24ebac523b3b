/** A trace file of the reader's on its way to the program, which may be large: how far it is, and what is wrong with it. */
import { text } from "../../lib/text";
import type { Refusal } from "./upload";

/** A file that is on its way, with its bytes. */
interface Sending {
  name: string;
  sent: number;
  size: number;
}

export class TraceFile {
  sending = $state.raw<Sending | null>(null);
  #request: XMLHttpRequest | null = null;

  /** Held while the browser's dialog is open: else it may be collected before it answers. */
  #input: HTMLInputElement | null = null;

  /** Let the reader choose a file. */
  choose(onfile: (file: File) => void): void {
    const input = (this.#input = document.createElement("input"));
    input.type = "file";
    input.onchange = () => {
      const file = input.files?.[0];
      if (file) onfile(file);
    };
    this.#input.click();
  }

  /** Send a file: under which address it can be opened then, or why not; null when it was given up. */
  send(file: File): Promise<{ network: string } | { refusal: Refusal } | null> {
    this.cancel();
    const request = new XMLHttpRequest(); // fetch does not say how much was sent
    this.#request = request;
    this.sending = { name: file.name, sent: 0, size: file.size };
    request.open("POST", `traces?${new URLSearchParams({ name: file.name }).toString()}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded }) => {
      if (this.#request === request) this.sending = { name: file.name, sent: loaded, size: file.size };
    };
    return new Promise((answer) => {
      request.onloadend = () => {
        const last = this.#request === request;
        if (last) this.sending = this.#request = null;
        const said = request.response as ({ id: string } & Refusal) | null;
        if (!last) answer(null);
        else if (request.status === 201 && said) answer({ network: `given:${said.id}` });
        else answer({ refusal: said?.what ? said : unreached() });
      };
      request.send(file);
    });
  }

  cancel(): void {
    const request = this.#request;
    this.sending = this.#request = null;
    request?.abort();
  }
}

const unreached = (): Refusal => ({
  what: text("file.lost"),
  where: "POST traces",
  why: text("file.lostWhy"),
  todo: text("file.lostTodo"),
});
