/** Handing a picture of the reader's to the program, which answers with its id or with what is wrong with it. */
import { text } from "../../lib/text";

export interface Refusal {
  what: string;
  where: string;
  why: string;
  todo: string;
}

/** A picture that was taken in: its file's name, and what had to be done to read it. */
export interface Given {
  id: string;
  name: string;
  notes: string[];
}

export type Upload = Given | { refusal: Refusal };

/** Send the bytes of a picture. What cannot be read is refused in words, and nothing is lost. */
export async function upload(picture: Blob): Promise<Upload> {
  try {
    const type = picture.type || "application/octet-stream";
    const answer = await fetch("inputs", {
      method: "POST",
      body: picture,
      headers: { "Content-Type": type },
    });
    const body = (await answer.json()) as Given & Refusal;
    const name = picture instanceof File ? picture.name : "";
    return answer.ok ? { id: body.id, name, notes: body.notes } : { refusal: body };
  } catch {
    return {
      refusal: {
        what: text("upload.lost"),
        where: "POST inputs",
        why: text("link.lost"),
        todo: text("teach.again"),
      },
    };
  }
}
