/** Handing a picture of the reader's to the program, which answers with its id or with what is wrong with it. */
export interface Refusal {
  what: string;
  where: string;
  why: string;
  todo: string;
}

export type Upload = { id: string } | { refusal: Refusal };

/** Send the bytes of a picture. What cannot be read is refused in words, and nothing is lost. */
export async function upload(picture: Blob): Promise<Upload> {
  try {
    const type = picture.type || "application/octet-stream";
    const answer = await fetch("inputs", {
      method: "POST",
      body: picture,
      headers: { "Content-Type": type },
    });
    const body = (await answer.json()) as { id: string } & Refusal;
    return answer.ok ? { id: body.id } : { refusal: body };
  } catch {
    return {
      refusal: {
        what: "The picture could not be handed over.",
        where: "POST inputs",
        why: "The server did not answer.",
        todo: "See whether glasswork still runs where you started it, then try again.",
      },
    };
  }
}
