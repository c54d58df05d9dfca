"""Golden values of crates/train/tests/parity.rs: for MobileNetV2 and a LeNet with formula weights (rule in
formula.py), trained on one batch by Keras in f64: the loss, every gradient, and the change of every
parameter after five steps of SGD and of Adam (epsilon 1e-3). Of each parameter 64 values, evenly spread, as
little-endian f32. Then, of each of these arrays, how far Keras in f32 is from it: a value that comes out on
the other side of a ReLU's corner changes a gradient by more than rounding does, whoever computes in f32.
Writes training/NAME.bin. Keras 3.15.1 with TensorFlow 2.21.
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
import tensorflow as tf

from formula import formula_values

HERE = Path(__file__).parent / "training"
BATCH, CLASSES, STEPS, SAMPLES = 8, 7, 5, 64


def mobilenet_v2():
    return keras.applications.MobileNetV2(
        input_shape=(96, 96, 3), weights=None, classes=CLASSES, classifier_activation=None
    )


def lenet():
    layers = [keras.Input((64, 64, 3))]
    for number, filters in enumerate((32, 64, 128), 1):
        layers.append(keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv_{number}"))
        layers.append(keras.layers.BatchNormalization(name=f"norm_{number}"))
        layers += [keras.layers.ReLU(), keras.layers.MaxPooling2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(64, activation="relu", name="dense_1")]
    return keras.Sequential(layers + [keras.layers.Dense(CLASSES, name="predictions")])


def fill(model, smooth):
    """Formula weights under museau's names, a depthwise kernel as [KH, KW, C]. Where `smooth`, batch norms
    are made to give values around 3, far from both corners of a ReLU6."""
    for layer in model.layers:
        for weight in layer.weights:
            shape = weight.shape[:3] if isinstance(layer, keras.layers.DepthwiseConv2D) else weight.shape
            values = formula_values(f"{layer.name}/{weight.name}", tuple(shape))
            if smooth and weight.name == "gamma":
                values = values * 0.25
            if smooth and weight.name == "beta" and "project" not in layer.name:
                values = values + 3
            weight.assign(values.reshape(weight.shape))


def trainable(model):
    return [weight for layer in model.layers for weight in layer.trainable_weights]


def samples(values):
    flat = np.asarray(values).ravel()
    count = min(len(flat), SAMPLES)
    return [flat[index * len(flat) // count] for index in range(count)]


def run(make, smooth, kind):
    """The arrays in their order, the loss first, computed in `kind`."""
    keras.config.set_floatx(kind)
    keras.config.set_dtype_policy(kind)
    model = make()
    images = tf.constant(formula_values("pixels", (BATCH, *model.input_shape[1:])).astype(kind))
    labels = tf.constant(np.arange(BATCH) * 3 % CLASSES)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def gradients():
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(images, training=True))
        return loss, tape.gradient(loss, trainable(model))

    fill(model, smooth)
    loss, slopes = gradients()
    arrays = [[float(loss)]] + [samples(slope) for slope in slopes]
    # Steps so large that their rounding in f32 weights is small beside them, where nothing changes sides.
    sgd, adam = (0.1, 1e-3) if smooth else (1e-3, 1e-4)
    for optimizer in (keras.optimizers.SGD(sgd), keras.optimizers.Adam(adam, epsilon=1e-3)):
        fill(model, smooth)
        before = [weight.numpy().copy() for weight in trainable(model)]
        for _ in range(STEPS):
            optimizer.apply(gradients()[1], trainable(model))
        for weight, start in zip(trainable(model), before):
            arrays.append(samples(weight.numpy() - start))
    return [np.array(array, np.float64) for array in arrays]


def error(values, truth):
    """The relative error of a gradient."""
    return np.linalg.norm(values - truth) / max(np.linalg.norm(truth), 1e-6 * np.sqrt(len(truth)))


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    cases = [
        ("mobilenet_v2", mobilenet_v2, False),
        ("mobilenet_v2_smooth", mobilenet_v2, True),
        ("lenet", lenet, False),
    ]
    for name, make, smooth in cases:
        truth, rough = run(make, smooth, "float64"), run(make, smooth, "float32")
        errors = [error(values, wanted) for values, wanted in zip(rough[1:], truth[1:])]
        np.concatenate(truth + [errors]).astype("<f4").tofile(HERE / f"{name}.bin")
        print(name, truth[0], "f32 errors: median", np.median(errors), "most", max(errors))
