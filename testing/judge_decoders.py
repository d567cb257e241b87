"""What transformers and PEFT make of folders that nanoadam wrote.
usage: judge_decoders.py REQUEST ANSWER    REQUEST: a JSON list of {"folder", "base"?, "ids", "new_tokens"}
ANSWER: the same list with "logits" (of every position) and "greedy" (the prompt and the new tokens)."""
import json, sys
import torch
from transformers import AutoModelForCausalLM

with open(sys.argv[1]) as file: requests = json.load(file)
for request in requests:
    if "base" in request:
        from peft import PeftModel
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(request["base"], dtype=torch.float32), request["folder"])
    else:
        model = AutoModelForCausalLM.from_pretrained(request["folder"], dtype=torch.float32)
    model.eval()
    ids = torch.tensor([request["ids"]])
    with torch.no_grad():
        request["logits"] = model(input_ids=ids).logits[0].tolist()
        mask = torch.ones_like(ids)
        greedy = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=request["new_tokens"], do_sample=False, eos_token_id=None, pad_token_id=0)
    request["greedy"] = greedy[0].tolist()
with open(sys.argv[2], "w") as file: json.dump(requests, file)
