import { Command } from "commander";
import { pushModel } from "../recipes/push.js";
import { addHelpTail } from "./help.js";
import type { Streams } from "./streams.js";

const examples = ["nanoadam push reviews-model my-name/reviews --private"];

/** `nanoadam push`: a model's folder to the Hugging Face Hub. */
export function pushCommand(streams: Streams = process): Command {
  const command = new Command("push")
    .description("Send a model to the Hugging Face Hub, with a model card. Takes the token of HF_TOKEN.")
    .argument("<folder>", "model folder")
    .argument("<org/name>", "where to, on the Hub")
    .option("--private", "only for those who may, where it is new");
  return addHelpTail(command, { examples }).action(async (model: string, to: string, flags: { private?: boolean }) => {
    const { url, files } = await pushModel({ model, to, isPrivate: flags.private });
    streams.stdout.write(`pushed ${files.length} files to ${url}\n`);
  });
}
