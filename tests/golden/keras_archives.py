"""Small `.weights.h5` and `.keras` files as Keras 3 writes them, for the reader of crates/formats.

A model with a nested one, in which two layers bear names that tell nothing of their class. Element i
of every array is i / 8 + 100 times its place. Keras 3.15.1, TensorFlow 2.21.0.
"""

import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np

FILES = Path(__file__).parent / "files"
layers = keras.layers

image = keras.Input((8, 8, 3))
x = layers.Conv2D(2, 3, name="b")(image)
x = layers.BatchNormalization(scale=False, name="norm")(x)
x = layers.SeparableConv2D(4, 3, use_bias=False, name="separable")(x)
x = layers.Conv2D(2, 1, use_bias=False, name="a")(x)
inner = keras.Model(image, x, name="backbone")
outer = keras.Input((8, 8, 3))
x = layers.GlobalAveragePooling2D()(inner(outer))
x = layers.Dropout(0.5, seed=1)(x)
model = keras.Model(outer, layers.Dense(2, name="head")(x))
model.compile("adam", "categorical_crossentropy")
model.train_on_batch(np.zeros((1, 8, 8, 3)), np.array([[1.0, 0.0]]))
place = 0
for layer in [*inner.layers, model.layers[-1]]:
    values = []
    for weight in layer.get_weights():
        size = int(np.prod(weight.shape))
        values.append((np.arange(size) / 8 + 100 * place).reshape(weight.shape))
        place += 1
    layer.set_weights(values)
model.save(FILES / "nested.keras")
model.save_weights(FILES / "nested.weights.h5")
