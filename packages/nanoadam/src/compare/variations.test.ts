import { describe, expect, test } from "vitest";
import { InputError } from "../errors.js";
import { parseContestants } from "./optimizers.js";
import { variableOptions } from "./options.js";
import { parseVariations, withVariations } from "./variations.js";

const parse = (...lines: string[]) => parseVariations(lines, variableOptions);
const varied = (optimizers: string, ...lines: string[]) =>
  withVariations(parseContestants(optimizers), parse(...lines));
const names = (optimizers: string, ...lines: string[]) => varied(optimizers, ...lines).map(({ name }) => name);

describe("variations", () => {
  test("are options with values: numbers, switches, or names", () => {
    expect(parse("criterion=small, large", "mask-interval=10,50", "staticMask=true,false")).toEqual([
      { option: "criterion", values: ["small", "large"] },
      { option: "maskInterval", values: [10, 50] },
      { option: "staticMask", values: [true, false] },
    ]);
  });

  test("make every combination a contestant, named as its flags", () => {
    expect(names("nanoadam", "criterion=small,large", "density=0.1,0.01")).toEqual([
      "nanoadam criterion=small density=0.1",
      "nanoadam criterion=small density=0.01",
      "nanoadam criterion=large density=0.1",
      "nanoadam criterion=large density=0.01",
    ]);
  });

  test("leave alone whom an option means nothing to", () => {
    expect(names("nanoadam,adamw,lora+nanoadam", "density=0.1,0.01")).toEqual([
      ...["nanoadam density=0.1", "nanoadam density=0.01", "adamw"],
      ...["lora+nanoadam density=0.1", "lora+nanoadam density=0.01"],
    ]);
    expect(names("adamw,lora", "lora-rank=4,8")).toEqual(["adamw", "lora lora-rank=4", "lora lora-rank=8"]);
    expect(names("adamw,sgd", "warmup=0,0.1")).toHaveLength(4);
  });

  test.each([
    ["criterion", '`vary` has "criterion", expected an option and its values, as in criterion=small,large'],
    ["criterion=small,", "expected an option and its values"],
    ["criterium=small,large", 'has "criterium", which is no option that may vary; did you mean criterion?'],
    ["learning-rate=1,2", "its values are those of `learningRates`"],
    ["optimizer=adamw,sgd", "its values are those of `optimizers`"],
    ["train=a,b", '"train", which is no option that may vary'],
    ["density=0.1,0.10", "has a value of density twice"],
  ])("%s is refused", (line, message) => {
    expect(() => parse(line)).toThrow(InputError);
    expect(() => parse(line)).toThrow(message);
  });

  test("an option may be there once, and someone has to use it", () => {
    expect(() => parse("density=0.1", "density=0.2")).toThrow("`vary` has density twice");
    expect(() => varied("adamw,sgd", "criterion=small,large")).toThrow(
      '`vary` has "criterion", which none of adamw, sgd uses',
    );
  });
});
