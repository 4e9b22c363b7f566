"""Prints the operations a second of the product of two matrices of bfloat16. Arguments: device, size."""

import sys
import time

import torch

device, size = sys.argv[1], int(sys.argv[2])
a = torch.randn(size, size, device=device).bfloat16()
b = torch.randn(size, size, device=device).bfloat16()


def seconds(count):
    """Of that many products, after all that was asked for before."""
    if device == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(count):
        torch.matmul(a, b)
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


seconds(3)
print(2 * size**3 * 10 / min(seconds(10) for _ in range(5)))
