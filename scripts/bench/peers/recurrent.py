"""A recurrent language model of PyTorch's own layers, each with a residual connection around it."""

from torch import nn

from common import start, train

LAYERS = {"lstm": nn.LSTM, "gru": nn.GRU}


class Recurrent(nn.Module):
    def __init__(self, model, tokens):
        super().__init__()
        width = model["width"]
        self.encoder = nn.Embedding(tokens, width)
        layer = LAYERS[model["name"]]
        self.rnn = nn.ModuleList([layer(width, width, batch_first=True) for _ in range(model["depth"])])
        self.decoder = nn.Linear(width, tokens)

    def forward(self, tokens):
        x = self.encoder(tokens)
        for layer in self.rnn:
            x = x + layer(x)[0]
        return self.decoder(x)


task = start()
train(Recurrent(task["model"], task["classes"]), task)
