"""Tokens a second of transformers' greedy generation with its cache: generate.py MODEL PROMPT_TOKENS NEW_TOKENS THREADS DTYPE"""
import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM

folder, prompt, new, threads, dtype = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
torch.set_num_threads(threads)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
ids = torch.arange(10, 10 + prompt).remainder(model.config.vocab_size)[None]


def seconds(count):
    started = time.perf_counter()
    with torch.no_grad():
        model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count, min_new_tokens=count, pad_token_id=0)
    return time.perf_counter() - started


seconds(2)
first, all = seconds(1), seconds(new)
print(json.dumps({"millisecondsPerToken": 1000 * (all - first) / (new - 1), "promptMilliseconds": 1000 * first}))
