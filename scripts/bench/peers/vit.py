"""A vision transformer as timm writes it (pre-norm, class token, qkv in one product), trained by PyTorch."""

import torch
from torch import nn

from common import start, train


class Attention(nn.Module):
    def __init__(self, width, heads, bias, fused):
        super().__init__()
        # Before 2.0 there is none.
        self.fused = fused and hasattr(nn.functional, "scaled_dot_product_attention")
        self.heads = heads
        self.scale = (width // heads) ** -0.5
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        batch, count, width = x.shape
        qkv = self.qkv(x).reshape(batch, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.unbind(0)
        if self.fused:
            attended = nn.functional.scaled_dot_product_attention(query, key, value)
            return self.proj(attended.transpose(1, 2).reshape(batch, count, width))
        weights = ((query * self.scale) @ key.transpose(-2, -1)).softmax(dim=-1)
        return self.proj((weights @ value).transpose(1, 2).reshape(batch, count, width))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width, heads, hidden, bias, eps, fused):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=eps)
        self.attn = Attention(width, heads, bias, fused)
        self.norm2 = nn.LayerNorm(width, eps=eps)
        self.mlp = Mlp(width, hidden)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, channels, width, patch):
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, stride=patch)

    def forward(self, images):
        return self.proj(images).flatten(2).transpose(1, 2)


class VisionTransformer(nn.Module):
    def __init__(self, model, classes, fused):
        super().__init__()
        width = model["width"]
        tokens = (model["imageSize"] // model["patch"]) ** 2 + 1
        self.patch_embed = PatchEmbed(model["channels"], width, model["patch"])
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, width))
        hidden = int(width * model["mlpRatio"])
        self.blocks = nn.Sequential(
            *[
                Block(width, model["heads"], hidden, model["qkvBias"], model["layerNormEps"], fused)
                for _ in range(model["depth"])
            ]
        )
        self.norm = nn.LayerNorm(width, eps=model["layerNormEps"])
        self.head = nn.Linear(width, classes)

    def forward(self, images):
        x = self.patch_embed(images)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


task = start()
train(VisionTransformer(task["model"], task["classes"], task.get("attention") == "fused"), task)
