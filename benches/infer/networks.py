"""Makes the networks of the comparison: for each the weights as museau reads them (safetensors, batch
norms apart) and the same network for ONNX Runtime (ONNX, batch norms folded, as its users export it)."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

EPSILON = 1e-3

# Repeats, kernel, stride, expansion, channels of each stage.
STAGES = {
    "mobilenet_v2": [
        (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (3, 3, 2, 6, 32), (4, 3, 2, 6, 64),
        (3, 3, 1, 6, 96), (3, 3, 2, 6, 160), (1, 3, 1, 6, 320),
    ],
    "efficientnet_lite0": [
        (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
        (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
    ],
}

# The names that each network gives to the layers of block `index`, the first of stage `stage` being
# repeat 0: expansion, depthwise, projection, each with its batch norm.
def block_names(network, index, stage, repeat):
    if network == "mobilenet_v2":
        prefix = "expanded_conv_" if index == 0 else f"block_{index}_"
        parts = ["expand", "depthwise", "project"]
        return [(prefix + part, f"{prefix}{part}_BN") for part in parts]
    prefix = f"block{stage + 1}{'abcdef'[repeat]}_"
    pairs = [("expand_conv", "expand_bn"), ("dwconv", "bn"), ("project_conv", "project_bn")]
    return [(prefix + conv, prefix + norm) for conv, norm in pairs]


STEM_AND_TOP = {
    "mobilenet_v2": [("Conv1", "bn_Conv1"), ("Conv_1", "Conv_1_bn")],
    "efficientnet_lite0": [("stem_conv", "stem_bn"), ("top_conv", "top_bn")],
}


class Builder:
    """Draws weights and adds the same layer to both forms."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.weights, self.nodes, self.constants = {}, [], []

    def constant(self, name, values):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def conv(self, names, x, size, channels, filters, kernel, stride, relu6, depthwise=False):
        """A convolution and its batch norm; TensorFlow's 'same' padding."""
        conv, norm = names
        shape = (kernel, kernel, channels) if depthwise else (kernel, kernel, channels, filters)
        fan_in = kernel * kernel * (1 if depthwise else channels)
        draw = lambda *shape: self.random.uniform(-1, 1, shape).astype(np.float32)
        weights = draw(*shape) * np.float32(np.sqrt(6 / fan_in))
        gamma, beta, mean = 1 + draw(filters) / 4, draw(filters) / 2, draw(filters) / 4
        variance = 1 + draw(filters) / 2
        self.weights[f"{conv}/kernel"] = weights
        for part, values in [
            ("gamma", gamma), ("beta", beta), ("moving_mean", mean), ("moving_variance", variance)
        ]:
            self.weights[f"{norm}/{part}"] = values.astype(np.float32)
        factor = gamma.astype(np.float64) / np.sqrt(variance + EPSILON)
        folded = (weights * factor).astype(np.float32)
        # HWIO to OIHW; [KH, KW, C] to [C, 1, KH, KW]
        folded = folded.transpose(2, 0, 1)[:, None] if depthwise else folded.transpose(3, 2, 0, 1)
        bias = (beta - mean * factor).astype(np.float32)
        out = -(-size // stride)
        total = max((out - 1) * stride + kernel - size, 0)
        before, after = total // 2, total - total // 2
        inputs = [x, self.constant(f"{conv}.w", folded), self.constant(f"{conv}.b", bias)]
        self.nodes.append(helper.make_node(
            "Conv", inputs, [conv], kernel_shape=[kernel] * 2, strides=[stride] * 2,
            pads=[before, before, after, after], group=channels if depthwise else 1,
        ))
        if not relu6:
            return conv, out
        self.nodes.append(helper.make_node("Clip", [conv, "zero", "six"], [f"{conv}.relu6"]))
        return f"{conv}.relu6", out


def make(network, folder, size=224, classes=1000):
    """Writes NETWORK.safetensors and NETWORK.onnx (any batch) into the folder."""
    b = Builder(seed=1)
    b.constant("zero", np.float32(0))
    b.constant("six", np.float32(6))
    stem, top = STEM_AND_TOP[network]
    x, rows = b.conv(stem, "image", size, 3, 32, 3, 2, relu6=True)
    channels, index = 32, 0
    for stage, (repeats, kernel, first_stride, expansion, filters) in enumerate(STAGES[network]):
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            expand, depthwise, project = block_names(network, index, stage, repeat)
            y, wide = x, channels * expansion
            if expansion > 1:
                y, _ = b.conv(expand, y, rows, channels, wide, 1, 1, relu6=True)
            y, out = b.conv(depthwise, y, rows, wide, wide, kernel, stride, True, depthwise=True)
            y, _ = b.conv(project, y, out, wide, filters, 1, 1, relu6=False)
            if stride == 1 and channels == filters:
                b.nodes.append(helper.make_node("Add", [x, y], [f"{y}.sum"]))
                y = f"{y}.sum"
            x, rows, channels, index = y, out, filters, index + 1
    x, rows = b.conv(top, x, rows, channels, 1280, 1, 1, relu6=True)
    b.nodes.append(helper.make_node("GlobalAveragePool", [x], ["pooled"]))
    b.nodes.append(helper.make_node("Flatten", ["pooled"], ["features"]))
    kernel = b.random.uniform(-1, 1, (1280, classes)).astype(np.float32) * np.float32(0.05)
    bias = b.random.uniform(-1, 1, classes).astype(np.float32)
    b.weights["predictions/kernel"], b.weights["predictions/bias"] = kernel, bias
    inputs = ["features", b.constant("head.w", kernel), b.constant("head.b", bias)]
    b.nodes.append(helper.make_node("Gemm", inputs, ["logits"]))
    graph = helper.make_graph(
        b.nodes, network,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, size, size])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])],
        b.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, f"{folder}/{network}.onnx")
    save_file(b.weights, f"{folder}/{network}.safetensors")
