/** Texts of many requests, answered in batches. */
import { type OpenModel, type Prediction, predictTexts } from "nanoadam";

/** Texts that are computed together at most. */
const largestBatch = 32;

interface Waiting {
  readonly text: string;
  resolve(prediction: Prediction): void;
  reject(error: unknown): void;
}

export interface BatchedModel {
  /** How many texts wait for their turn. */
  waiting(): number;
  predict(texts: readonly string[]): Promise<Prediction[]>;
}

/** Whatever arrives while a batch is computed goes into the next one together. */
export function inBatches(model: OpenModel): BatchedModel {
  const queue: Waiting[] = [];
  let isRunning = false;

  async function run(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    while (queue.length > 0) {
      const batch = queue.splice(0, largestBatch);
      try {
        const texts = batch.map(({ text }) => ({ text }));
        const predictions = await predictTexts(model, texts, { batchSize: largestBatch });
        for (const [place, prediction] of predictions.entries()) batch[place]?.resolve(prediction);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isRunning = false;
  }

  return {
    waiting: () => queue.length,
    predict(texts) {
      const predictions = texts.map(
        (text) => new Promise<Prediction>((resolve, reject) => queue.push({ text, resolve, reject })),
      );
      void run();
      return Promise.all(predictions);
    },
  };
}
