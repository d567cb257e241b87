/** The package's types name its other polynomial only. */
declare module "crc-32/crc32c.js" {
  const crc32c: { buf(bytes: ArrayLike<number>, seed?: number): number };
  export default crc32c;
}
