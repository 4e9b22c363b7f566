"""A decoder with GPT-2's names and layouts (products by [in, out]), the exact GELU and a head of its own, by PyTorch."""

import torch
from torch import nn

from common import start, train


class Product(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return torch.addmm(self.bias, x.flatten(0, -2), self.weight).view(*x.shape[:-1], -1)


class Attention(nn.Module):
    def __init__(self, width, heads, context):
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.c_attn = Product(width, 3 * width)
        self.c_proj = Product(width, width)
        mask = torch.full((context, context), float("-inf")).triu(1)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x):
        batch, count, width = x.shape
        qkv = self.c_attn(x).reshape(batch, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.unbind(0)
        weights = ((query * self.scale) @ key.transpose(-2, -1) + self.mask[:count, :count]).softmax(dim=-1)
        return self.c_proj((weights @ value).transpose(1, 2).reshape(batch, count, width))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.c_fc = Product(width, hidden)
        self.act = nn.GELU()
        self.c_proj = Product(hidden, width)

    def forward(self, x):
        return self.c_proj(self.act(self.c_fc(x)))


class Block(nn.Module):
    def __init__(self, width, heads, hidden, context, eps):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=eps)
        self.attn = Attention(width, heads, context)
        self.ln_2 = nn.LayerNorm(width, eps=eps)
        self.mlp = Mlp(width, hidden)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt(nn.Module):
    def __init__(self, model, tokens):
        super().__init__()
        width, context, eps = model["width"], model["context"], model["layerNormEps"]
        hidden = int(width * model["mlpRatio"])
        self.wte = nn.Embedding(tokens, width)
        self.wpe = nn.Embedding(context, width)
        self.h = nn.Sequential(*[Block(width, model["heads"], hidden, context, eps) for _ in range(model["depth"])])
        self.ln_f = nn.LayerNorm(width, eps=eps)
        self.lm_head = nn.Linear(width, tokens, bias=False)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]
        return self.lm_head(self.ln_f(self.h(x)))


task = start()
train(Gpt(task["model"], task["classes"]), task)
