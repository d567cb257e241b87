/**
 * ONNX Runtime 1.30 reports to its maker: it notes machine, models and times in the user's cache and sends them after some
 * seconds. Nothing leaves the machine here, so this is imported before the library is, which reads the variable once. (In a
 * worker thread the variable must be set before the thread starts: a worker's environment is a copy that the library does
 * not see.)
 */
process.env.ORT_DISABLE_TELEMETRY = "1";
