"""Golden values of crates/train/tests/parity.rs: for MobileNetV2 and a LeNet with formula weights (rule in
formula.py), trained on one batch by Keras in f64: the loss, every gradient, and the change of every
parameter after five steps of SGD and of Adam (epsilon 1e-3). Of each parameter 64 values, evenly spread, as
little-endian f32. Writes training/NAME.bin. Keras 3.15.1 with TensorFlow 2.21.
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


def fill(model):
    """Formula weights under museau's names, a depthwise kernel as [KH, KW, C]."""
    for layer in model.layers:
        for weight in layer.weights:
            shape = weight.shape[:3] if isinstance(layer, keras.layers.DepthwiseConv2D) else weight.shape
            values = formula_values(f"{layer.name}/{weight.name}", tuple(shape))
            weight.assign(values.reshape(weight.shape))


def trainable(model):
    return [weight for layer in model.layers for weight in layer.trainable_weights]


def samples(values):
    flat = np.asarray(values).ravel()
    count = min(len(flat), SAMPLES)
    return [flat[index * len(flat) // count] for index in range(count)]


def run(make):
    model = make()
    images = tf.constant(formula_values("pixels", (BATCH, *model.input_shape[1:])).astype(np.float64))
    labels = tf.constant(np.arange(BATCH) * 3 % CLASSES)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def gradients():
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(images, training=True))
        return loss, tape.gradient(loss, trainable(model))

    fill(model)
    loss, slopes = gradients()
    values = [float(loss)]
    for slope in slopes:
        values += samples(slope)
    for optimizer in (keras.optimizers.SGD(0.01), keras.optimizers.Adam(1e-3, epsilon=1e-3)):
        fill(model)
        before = [weight.numpy().copy() for weight in trainable(model)]
        for _ in range(STEPS):
            optimizer.apply(gradients()[1], trainable(model))
        for weight, start in zip(trainable(model), before):
            values += samples(weight.numpy() - start)
    return np.array(values, np.float32)


if __name__ == "__main__":
    keras.backend.set_floatx("float64")
    HERE.mkdir(exist_ok=True)
    for name, make in (("mobilenet_v2", mobilenet_v2), ("lenet", lenet)):
        values = run(make)
        values.astype("<f4").tofile(HERE / f"{name}.bin")
        print(name, len(values), values[0])
