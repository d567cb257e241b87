"""Training steps of a decoder in PyTorch with transformers and fused AdamW, and the peak memory of the process.
usage: transformers_step.py --model DIR --dtype float32|bfloat16 --batch 2 --length 256 --threads 2 --steps 3
Weights, gradients and moments are in the dtype. Prints one JSON object: step_ms (median but for the first), peak_rss_bytes."""
import argparse, json, resource, time
import torch
from transformers import AutoConfig, AutoModelForCausalLM

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--dtype", default="float32")
for name, default in dict(batch=2, length=256, threads=2, steps=3).items():
    parser.add_argument(f"--{name}", type=int, default=default)
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)
config = AutoConfig.from_pretrained(arguments.model)
model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=getattr(torch, arguments.dtype)).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
ids = torch.randint(0, config.vocab_size, (arguments.batch, arguments.length))
times = []
for step in range(arguments.steps + 1):
    started = time.perf_counter()
    model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    times.append(1e3 * (time.perf_counter() - started))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps(dict(step_ms=sorted(times[1:])[(len(times) - 1) // 2], peak_rss_bytes=peak)))
