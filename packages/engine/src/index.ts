export { fillDropoutMask, fillNormal, normal, type RandomKey, randomBits, uniform } from "./kernels/random.js";
