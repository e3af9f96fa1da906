// ONNX Runtime on what export_models has written: node run.mjs NPM_FOLDER FOLDER CASES.jsonl
// Fails where a log-probability is further than 1e-3 from ours, the largest logit taken as 1 if it is less.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const [npm, folder, cases] = process.argv.slice(2);
const ort = createRequire(resolve(npm, "package.json"))("onnxruntime-web");
ort.env.wasm.numThreads = 1;

function floats(path) {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

let failed = 0;
for (const line of readFileSync(cases, "utf8").trim().split("\n")) {
  const { model, case: name, samples, log_probs, largest_logit } = JSON.parse(line);
  const session = await ort.InferenceSession.create(readFileSync(join(folder, `${model}.onnx`)));
  const input = new ort.Tensor("float32", floats(join(folder, `${model}.${name}.samples`)), samples);
  const { log_probs: output } = await session.run({ samples: input });
  const expected = floats(join(folder, `${model}.${name}.expected`));
  let worst = 0;
  for (let i = 0; i < expected.length; ++i) {
    const difference = Math.abs(output.data[i] - expected[i]);
    worst = difference <= worst ? worst : difference;  // NaN counts as worse
  }
  const same = JSON.stringify(output.dims) === JSON.stringify(log_probs) && output.data.length === expected.length;
  const good = same && worst <= 1e-3 * Math.max(1, largest_logit);
  console.log(`${model} ${name}: [${output.dims}], ${worst.toExponential(1)} off, logits up to ${largest_logit.toFixed(1)}`
              + (good ? "" : `  FAILED, expected [${log_probs}]`));
  failed += good ? 0 : 1;
}
process.exit(failed ? 1 : 0);
