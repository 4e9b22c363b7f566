"""What the PyTorch peers share: reading their task, timing steps on request, reporting memory."""

import json
import sys
import time

import numpy as np
import torch

TYPES = {"F32": np.float32, "I32": np.int32, "U8": np.uint8}


def read_safetensors(path):
    """Tensors of a safetensors file by name."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        array = np.frombuffer(data[start:end], dtype=TYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.copy())
    return tensors


def device_of(task):
    return task.get("device", "cpu")


def peak_bytes(task):
    if device_of(task) == "cuda":
        return torch.cuda.max_memory_allocated()
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


def serve(task, step):
    """Runs as many steps as each line of standard input asks for, and answers with a line of JSON."""
    print(json.dumps({"ready": True, "compileSeconds": 0.0}), flush=True)
    for line in sys.stdin:
        losses, seconds = [], []
        for _ in range(int(line)):
            started = time.perf_counter()
            losses.append(step())
            seconds.append(time.perf_counter() - started)
        print(json.dumps({"losses": losses, "seconds": seconds, "peakBytes": peak_bytes(task)}), flush=True)


def start():
    with open(sys.argv[1]) as file:
        task = json.load(file)
    torch.set_num_threads(task["threads"])
    torch.set_flush_denormal(True)
    return task


def adamw(model, task):
    """AdamW with weight decay on the parameters that the task names."""
    named = dict(model.named_parameters())
    decayed = [named[name] for name in task["decayed"]]
    others = [parameter for name, parameter in named.items() if name not in set(task["decayed"])]
    settings = task["adamw"]
    return torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": settings["weightDecay"]},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=task["lr"],
        betas=(settings["beta1"], settings["beta2"]),
        eps=settings["eps"],
        **({"fused": True} if task.get("fusedOptimiser") and device_of(task) == "cuda" else {}),
    )


def train(model, task):
    """Serves training steps on the task's one batch: of a classifier of images, or of a model that predicts tokens."""
    model.load_state_dict(read_safetensors(task["weights"]))
    device = device_of(task)
    model.to(device)
    batch = read_safetensors(task["batch"])
    mean = torch.tensor(task["mean"], device=device) * 255
    deviation = torch.tensor(task["std"], device=device) * 255
    if "tokens" in batch:
        inputs, labels = batch["tokens"][:, :-1].long(), batch["tokens"][:, 1:].long().flatten()
    else:
        inputs, labels = batch["images"], batch["labels"].long()
    if device == "cuda":
        inputs, labels = inputs.pin_memory(), labels.pin_memory()
    optimiser = adamw(model, task)
    model.train()
    network = torch.compile(model) if task.get("compile") else model

    def step():
        uploaded = inputs.to(device, non_blocking=True)
        targets = labels.to(device, non_blocking=True)
        if "images" in batch:
            uploaded = ((uploaded.float() - mean) / deviation).permute(0, 3, 1, 2)
        with torch.autocast(device, dtype=torch.bfloat16, enabled=bool(task.get("autocast"))):
            outputs = network(uploaded)
            loss = torch.nn.functional.cross_entropy(outputs.flatten(0, -2).float(), targets)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return loss.item()

    serve(task, step)
