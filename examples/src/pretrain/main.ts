/**
 * From any text to a small BERT that is ready for pretraining: learns a vocabulary, starts the embeddings from the
 * text's co-occurrences, and writes a checkpoint and passages for `nanoadam finetune --task masked-lm`. See README.md.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { uniform } from "@nanoadam/engine";
import { headSize, writeInitialCheckpoint, writeTokenizer } from "./checkpoint.js";
import { leadingFactors, normaliseRows, positiveMutualInformation, sinusoidalPositions } from "./embeddings.js";
import { passagesOf } from "./passages.js";
import { readTexts } from "./read-texts.js";
import { learnVocabulary, splitWords, wordPieces } from "./wordpiece.js";

const usage =
  "usage: main.js --text FILE... --output DIR [--fields text,...] [--vocabulary 6000] [--hidden-size 128] [--layers 4] " +
  "[--positions 128] [--seed 0]";
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    text: { type: "string", multiple: true, default: [] },
    fields: { type: "string", default: "text,sentence,sentence1,sentence2" },
    output: { type: "string" },
    vocabulary: { type: "string", default: "6000" },
    "hidden-size": { type: "string", default: "128" },
    layers: { type: "string", default: "4" },
    positions: { type: "string", default: "128" },
    seed: { type: "string", default: "0" },
  },
});
const files = [...flags.text, ...positionals];
if (flags.output === undefined || files.length === 0) throw new Error(usage);

/** A whole number of at least `least` from the command line. */
function whole(name: "vocabulary" | "hidden-size" | "layers" | "positions" | "seed", least: number): number {
  const value = Number(flags[name]);
  if (!Number.isSafeInteger(value) || value < least) throw new Error(`--${name} ${flags[name]}: ${usage}`);
  return value;
}

const seed = whole("seed", 0);
const hiddenSize = whole("hidden-size", headSize);
if (hiddenSize % headSize !== 0) throw new Error(`--hidden-size ${hiddenSize} is not a multiple of ${headSize}`);
const [vocabularySize, layers, positions] = [whole("vocabulary", 6), whole("layers", 1), whole("positions", 3)];
const embeddingDeviation = 0.05;

/** A seeded order of `count` things. */
function shuffled(count: number): number[] {
  const keys = Array.from({ length: count }, (_, i) => uniform({ seed, step: 0, site: 0 }, i));
  return keys.map((_, i) => i).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
}

const passages = passagesOf(
  files.flatMap((file) => readTexts(file, flags.fields.split(","))),
  shuffled,
);
console.log(`${passages.length} passages`);
const vocabulary = learnVocabulary(passages, vocabularySize);
console.log(`${vocabulary.length} vocabulary entries`);
const ids = new Map(vocabulary.map((token, id) => [token, id]));
const sequences = passages.map((passage) => splitWords(passage).flatMap((word) => wordPieces(word, ids)));
console.log(`${sequences.reduce((sum, sequence) => sum + sequence.length, 0)} tokens`);

const size = { vocabulary: vocabulary.length, hiddenSize, layers, positions };
const matrix = positiveMutualInformation(sequences, size.vocabulary, 5);
const factors = leadingFactors(matrix, size.hiddenSize, seed);
const checkpoint = join(flags.output, "checkpoint");
const parameters = await writeInitialCheckpoint(
  checkpoint,
  size,
  {
    word_embeddings: normaliseRows(factors, size.hiddenSize, embeddingDeviation, seed),
    position_embeddings: sinusoidalPositions(size.positions, size.hiddenSize, embeddingDeviation / 2),
  },
  seed,
);
writeTokenizer(checkpoint, vocabulary, size.positions);
mkdirSync(flags.output, { recursive: true });
writeFileSync(join(flags.output, "train.txt"), `${passages.join("\n")}\n`);
console.log(`${parameters} parameters in ${checkpoint}`);
console.log(
  `next: nanoadam finetune --task masked-lm --model ${checkpoint} --train ${join(flags.output, "train.txt")} --text text ` +
    "--optimizer adamw --learning-rate 5e-4 --batch-size 20 --dropout 0 --output DIR",
);
