/** What the paper claims, and the commands that try it here; docs/paper.md has the paper's figures and tables one by one. */
import type { Judge } from "./finding.js";
import { effectiveRates, gradientsAndWeights } from "./judge-analysis.js";
import { comparedOptimizers, criteria, intervals, rates, staticMask } from "./judge-comparison.js";
import { forgetting, pathmnist, pruned } from "./judge-images.js";
import { theory } from "./judge-theory.js";

export interface Reproduction {
  readonly name: string;
  /** What it repeats of the paper. */
  readonly repeats: readonly string[];
  readonly claim: string;
  /** Command lines, each with an output folder of its own. */
  readonly commands: readonly string[];
  /** On what it runs: nothing, the encoder and the messages that come with the package, or what these flags give. */
  readonly on: "nothing" | "demo" | readonly string[];
  /** Minutes on two cores, about; none where it depends on what is given. */
  readonly minutes?: number;
  /** Absent where what is to be compared needs a further measurement. */
  readonly judge?: Judge;
}

const images = ["--model", "--train"];

export const reproductions: readonly Reproduction[] = [
  {
    name: "theory",
    repeats: ["Figure 3", "Figure 7", "Table 8", "Table 9", "Theorem 2.2", "Lemma E.2"],
    claim:
      "Training small weights learns new neurons with less error and less change than training by large gradients.",
    commands: ["theory"],
    on: "nothing",
    minutes: 6,
    judge: theory,
  },
  {
    name: "gradients",
    repeats: ["Figure 1", "Figure 2", "Figure 5", "Table 1", "Table 6", "Table 7"],
    claim:
      "In fine-tuning, large gradients sit on small weights, and these move farthest; from scratch at first they do not.",
    commands: [
      "analyze --optimizer adamw --learning-rate 1e-3 --epochs 3",
      "analyze --optimizer adamw --learning-rate 1e-3 --epochs 3 --from-scratch",
    ],
    on: "demo",
    minutes: 1,
    judge: gradientsAndWeights,
  },
  {
    name: "effective-rates",
    repeats: ["Figure 16", "Figure 18", "Table 5"],
    claim: "NanoAdam's effective learning rate is higher than AdamW's, and it moves the weights less.",
    commands: [
      "analyze --optimizer nanoadam --learning-rate 4e-3 --epochs 3",
      "analyze --optimizer adamw --learning-rate 1e-3 --epochs 3",
    ],
    on: "demo",
    minutes: 1,
    judge: effectiveRates,
  },
  {
    name: "ablation",
    repeats: ["Figure 4", "Figure 8", "Figure 9", "Figure 10", "Figure 11"],
    claim: "Updating small weights is better than updating random ones, and these are better than large ones.",
    commands: [
      "compare --optimizers nanoadam --vary criterion=small,random,large,gradient --learning-rates 1e-3,4e-3 --epochs 3 --density 0.01 --density-schedule constant --mask-interval 9",
    ],
    on: "demo",
    minutes: 4,
    judge: criteria,
  },
  {
    name: "static-mask",
    repeats: ["Table 14"],
    claim: "A selection that follows the weights is better than one for the whole run.",
    commands: [
      "compare --optimizers nanoadam --vary static-mask=false,true --learning-rates 4e-3 --seeds 2 --epochs 3",
    ],
    on: "demo",
    minutes: 1,
    judge: staticMask,
  },
  {
    name: "sensitivity",
    repeats: ["Table 11"],
    claim:
      "How often the selection is made anew matters little, and neither the shortest nor the longest interval is best.",
    commands: [
      "compare --optimizers nanoadam --vary mask-interval=1,3,9,27,81 --learning-rates 4e-3 --seeds 1 --epochs 3",
    ],
    on: "demo",
    minutes: 1,
    judge: intervals("mask-interval"),
  },
  {
    name: "density-interval",
    repeats: ["Table 12"],
    claim: "How often the density changes matters little, and neither the shortest nor the longest interval is best.",
    commands: [
      "compare --optimizers nanoadam --vary density-interval=1,3,9,27,81 --learning-rates 4e-3 --seeds 1 --epochs 3",
    ],
    on: "demo",
    minutes: 1,
    judge: intervals("density-interval"),
  },
  {
    name: "rates",
    repeats: ["Figure 17", "Table 17"],
    claim: "NanoAdam's best learning rate is higher than AdamW's and MicroAdam's.",
    commands: [
      "compare --optimizers nanoadam,adamw,microadam --learning-rates 1e-4,1e-3,4e-3,1e-2 --seeds 1 --epochs 3",
    ],
    on: "demo",
    minutes: 3,
    judge: rates,
  },
  {
    name: "optimizers",
    repeats: ["Table 2", "Table 3", "Table 15", "Table 16", "Figure 12"],
    claim:
      "NanoAdam is the best of five optimizers with the least memory, changes the fewest weights, and takes longer than AdamW.",
    commands: [
      "compare --optimizers nanoadam,adamw,adamw8bit,microadam,galore --learning-rates nanoadam=4e-3,adamw=1e-3,adamw8bit=1e-3,microadam=1e-3,galore=1e-3 --galore-rank 32 --seeds 2 --epochs 3 --eval-every epoch",
    ],
    on: "demo",
    minutes: 3,
    judge: comparedOptimizers,
  },
  {
    name: "forgetting",
    repeats: ["Table 4", "Figure 13", "Figure 14", "Figure 15"],
    claim: "What was learned first is forgotten less under NanoAdam than under AdamW.",
    commands: [
      "continual --preset continual/resnet-18 --learning-rate 9e-3,7e-3 --return",
      "continual --preset continual/resnet-18 --optimizer adamw --learning-rate 1e-3 --return",
    ],
    on: ["--model", "--tasks"],
    judge: forgetting,
  },
  {
    name: "vision",
    repeats: ["Figure 6"],
    claim:
      "Large gradients sit on small weights in vision transformers, more so in a larger one; run it for each of two.",
    commands: ["analyze --task image-classification --optimizer adamw --epochs 3"],
    on: images,
    judge: gradientsAndWeights,
  },
  {
    name: "pathmnist",
    repeats: ["Appendix L"],
    claim: "ResNet-18 on PathMNIST: NanoAdam is level with AdamW, at 1 % of the weights.",
    commands: [
      "finetune --preset pathmnist/resnet-18",
      "finetune --preset pathmnist/resnet-18 --optimizer adamw --learning-rate 7e-4",
    ],
    on: images,
    judge: pathmnist,
  },
  {
    name: "pruned",
    repeats: ["Appendix M"],
    claim: "ResNet-18 with 80 % of the weights pruned (nanoadam prune), on CIFAR-10: NanoAdam is ahead of Adam.",
    commands: [
      "finetune --preset pruned/resnet-18",
      "finetune --preset pruned/resnet-18 --optimizer adamw --learning-rate 1e-3",
    ],
    on: images,
    judge: pruned,
  },
  {
    name: "commonsense",
    repeats: ["Appendix J"],
    claim: "Llama-3.2-3B on eight commonsense tasks: NanoAdam is ahead of MicroAdam and AdamW, with less memory.",
    commands: ["finetune --preset commonsense/llama-3.2-3b", "finetune --preset commonsense/llama-3.2-3b/adamw"],
    on: ["--model", "--train"],
  },
  {
    name: "gsm8k",
    repeats: ["Appendix K"],
    claim: "Llama-2-7B on GSM8K: NanoAdam is ahead of MicroAdam and AdamW-8bit, with less memory.",
    commands: [
      "finetune --preset gsm8k/llama-2-7b",
      "finetune --preset gsm8k/llama-2-7b --optimizer adamw8bit --learning-rate 4e-5",
    ],
    on: ["--model", "--train"],
  },
];
