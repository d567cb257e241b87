"""What transformers makes of folders of networks over images, and of images by their preprocessor_config.json.
usage: judge_images.py REQUEST ANSWER    REQUEST: a JSON list of {"folder", "images"?, "pixels"?, "shape"?}
"images" are files, brought to size by the folder's processor; the answer has "pixels", a file of float32 numbers, and "shape".
"pixels" is such a file that the model is given; the answer has "logits", "unfit" (names that only one side knows), and, of a model
with running statistics, "buffers" after one pass of training."""
import json, sys
import numpy, torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification

with open(sys.argv[1]) as file: requests = json.load(file)
answers = []
for index, request in enumerate(requests):
    answer = {}
    if "images" in request:
        processor = AutoImageProcessor.from_pretrained(request["folder"])
        images = [Image.open(path).convert("RGB") for path in request["images"]]
        pixels = numpy.asarray(processor(images=images, return_tensors="np")["pixel_values"], dtype="<f4")
        answer |= {"pixels": f"{sys.argv[2]}.{index}", "shape": list(pixels.shape)}
        pixels.tofile(answer["pixels"])
    if "pixels" in request:
        model, info = AutoModelForImageClassification.from_pretrained(request["folder"], dtype=torch.float32, output_loading_info=True)
        pixels = torch.from_numpy(numpy.fromfile(request["pixels"], dtype="<f4").reshape(request["shape"]))
        # Position embeddings of another size are interpolated, as they are by nanoadam.
        sizing = {"interpolate_pos_encoding": True} if model.config.model_type in ("vit", "deit") else {}
        with torch.no_grad():
            answer["logits"] = model.eval()(pixel_values=pixels, **sizing).logits.tolist()
            model.train()(pixel_values=pixels, **sizing)
        answer["unfit"] = [name for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for name in map(str, info[kind])]
        answer["buffers"] = {name: value.flatten().tolist() for name, value in model.state_dict().items() if name.endswith(("running_mean", "running_var", "num_batches_tracked"))}
    answers.append(answer)
with open(sys.argv[2], "w") as file: json.dump(answers, file)
