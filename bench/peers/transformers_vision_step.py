"""Training steps of a network over images in PyTorch with transformers and fused AdamW, and the peak memory of the process.
usage: transformers_vision_step.py --model DIR --layout contiguous|channels-last --images 8 --side 224 --threads 2 --steps 3
Prints one JSON object: step_ms (median but for the first), peak_rss_bytes."""
import argparse, json, resource, time
import torch
from transformers import AutoModelForImageClassification

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--layout", default="contiguous")
for name, default in dict(images=8, side=224, threads=2, steps=3).items():
    parser.add_argument(f"--{name}", type=int, default=default)
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)
layout = torch.channels_last if arguments.layout == "channels-last" else torch.contiguous_format
model = AutoModelForImageClassification.from_pretrained(arguments.model, dtype=torch.float32).train()
model = model.to(memory_format=layout)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
images = torch.randn(arguments.images, 3, arguments.side, arguments.side).to(memory_format=layout)
labels = torch.arange(arguments.images) % 2
times = []
for step in range(arguments.steps + 1):
    started = time.perf_counter()
    model(pixel_values=images, labels=labels).loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    times.append(1e3 * (time.perf_counter() - started))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps(dict(step_ms=sorted(times[1:])[(len(times) - 1) // 2], peak_rss_bytes=peak)))
