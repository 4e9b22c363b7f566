"""A residual network of 6n + 2 layers for small images (He et al., 2016) with torchvision's names, trained by PyTorch."""

from torch import nn

from common import start, train


def conv(inputs, outputs, size, stride=1):
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = conv(inputs, outputs, 3, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv(outputs, outputs, 3)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if inputs != outputs or stride != 1:
            self.downsample = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


def stage(inputs, outputs, stride, count):
    blocks = [BasicBlock(inputs if index == 0 else outputs, outputs, stride if index == 0 else 1) for index in range(count)]
    return nn.Sequential(*blocks)


class ResNet(nn.Module):
    def __init__(self, model, classes):
        super().__init__()
        width, count = model["width"], model["depth"] // 3
        self.conv1 = conv(model["channels"], width, 3)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = stage(width, width, 1, count)
        self.layer2 = stage(width, 2 * width, 2, count)
        self.layer3 = stage(2 * width, 4 * width, 2, count)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, images):
        x = self.relu(self.bn1(self.conv1(images)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(self.pool(x).flatten(1))


task = start()
train(ResNet(task["model"], task["classes"]), task)
