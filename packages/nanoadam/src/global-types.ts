/**
 * zod's types name `URL`, which a program's types know only with the browser's or Node's. So it is declared here too; where it
 * is known already, this adds nothing.
 */
declare global {
  interface URL {
    toString(): string;
  }
}

export {};
