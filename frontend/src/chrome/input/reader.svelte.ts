/** What every page has that reads pictures of the reader's own. */
import { upload, type Given, type Refusal } from "./upload";

export abstract class PictureReader {
  /** What was wrong with a picture that was given; everything else stays. */
  refusal = $state.raw<Refusal | null>(null);
  /** The last picture that was given: its name and how it was read are known to this page only. */
  given = $state.raw<Given | null>(null);
  #turn = 0;

  /** Read a picture that was given; drawing on does not fill the history. */
  abstract read(id: string, step?: boolean): void;

  async give(picture: Blob | null | undefined): Promise<void> {
    if (!picture) return;
    const turn = ++this.#turn;
    const answer = await upload(picture);
    if (turn !== this.#turn) return; // a newer picture was given meanwhile
    this.refusal = "refusal" in answer ? answer.refusal : null;
    if ("id" in answer) {
      this.given = answer;
      this.read(answer.id);
    }
  }
}
