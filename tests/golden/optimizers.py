"""Golden values of crates/train: ten steps of each optimiser by Keras, and rates of schedules by Keras
and PyTorch. Writes optimizers.txt and schedules.txt. Keras 3.15.1 with TensorFlow 2.21, PyTorch 2.15.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras

from formula import formula_values

HERE = Path(__file__).parent

# museau's names of Keras's arguments.
NAMES = {
    "rate": "learning_rate",
    "initial_accumulator": "initial_accumulator_value",
    "clip_norm": "clipnorm",
    "clip_global_norm": "global_clipnorm",
    "clip_value": "clipvalue",
}

OPTIMIZERS = [
    {"name": "sgd"},
    {"name": "sgd", "rate": 0.1, "momentum": 0.9},
    {"name": "sgd", "rate": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    {"name": "rmsprop"},
    {"name": "rmsprop", "rate": 0.01, "rho": 0.8, "momentum": 0.5, "centered": True},
    {"name": "adam"},
    {"name": "adam", "rate": 0.05, "epsilon": 0.001, "amsgrad": True, "beta_1": 0.5, "beta_2": 0.7},
    {"name": "adam", "rate": 0.05, "clip_norm": 0.3},
    {"name": "sgd", "rate": 0.05, "clip_global_norm": 0.3},
    {"name": "sgd", "rate": 0.05, "clip_value": 0.3},
    {"name": "adam", "rate": 0.05, "average": 0.8},
    {"name": "adamw"},
    {"name": "adamw", "rate": 0.05, "weight_decay": 0.1},
    {"name": "nadam", "rate": 0.01},
    {"name": "adamax", "rate": 0.01},
    {"name": "adagrad", "rate": 0.1},
    {"name": "adagrad", "rate": 0.1, "initial_accumulator": 0.5},
    {"name": "adadelta", "rate": 1.0},
    {"name": "lion"},
    {"name": "lion", "rate": 0.01, "beta_1": 0.8, "weight_decay": 0.1},
]

KERAS = {
    "sgd": "SGD", "rmsprop": "RMSprop", "adam": "Adam", "adamw": "AdamW", "nadam": "Nadam", "adamax": "Adamax",
    "adagrad": "Adagrad", "adadelta": "Adadelta", "lion": "Lion",
}


def optimizer_lines():
    for options in OPTIMIZERS:
        arguments = {NAMES.get(key, key): value for key, value in options.items() if key != "name"}
        if "average" in arguments:
            arguments["ema_momentum"] = arguments.pop("average")
            arguments["use_ema"] = True
        optimizer = getattr(keras.optimizers, KERAS[options["name"]])(**arguments)
        variables = [
            keras.Variable(formula_values("dense/kernel", (2, 3))),
            keras.Variable(formula_values("dense/bias", (3,))),
        ]
        values = []
        for step in range(10):
            kernel = formula_values(f"gradient_{step}/of_kernel", (6,)).reshape(2, 3)
            bias = formula_values(f"gradient_{step}/of_bias", (3,))
            optimizer.apply([keras.ops.convert_to_tensor(kernel), keras.ops.convert_to_tensor(bias)], variables)
            values += [v for variable in variables for v in variable.numpy().ravel()]
        if "use_ema" in arguments:
            values += [v for a in optimizer._model_variables_moving_average for v in a.numpy().ravel()]
        yield json.dumps(options) + "|" + " ".join(f"{v:.9g}" for v in values)


# In a process of its own: TensorFlow and PyTorch do not load together.
ONE_CYCLE = """
import torch
weights = torch.nn.Parameter(torch.zeros(1))
optimizer = torch.optim.SGD([weights], lr=0.5)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=40, cycle_momentum=False)
for _ in range(40):
    print(optimizer.param_groups[0]["lr"])
    optimizer.step()
    schedule.step()
"""


def one_cycle():
    output = subprocess.run([sys.executable, "-c", ONE_CYCLE], check=True, capture_output=True, text=True).stdout
    return [float(line) for line in output.split()]


def plateau(**arguments):
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    model.build((None, 1))
    callback = keras.callbacks.ReduceLROnPlateau(**arguments)
    callback.set_model(model)
    callback.on_train_begin()
    for epoch in range(20):
        callback.on_epoch_end(epoch, {"val_loss": 1.0 - min(epoch, 5) / 10.0})
        yield float(model.optimizer.learning_rate)


def schedule_lines():
    """Epochs are of 10 steps; the rate is 0.5; the training has 40 steps."""
    schedules = keras.optimizers.schedules
    cases = [
        ({"name": "step", "every": 1.5, "factor": 0.5}, schedules.ExponentialDecay(0.5, 15, 0.5, staircase=True)),
        ({"name": "exponential", "every": 2.0, "factor": 0.3}, schedules.ExponentialDecay(0.5, 20, 0.3)),
        ({"name": "cosine", "least": 0.1}, schedules.CosineDecay(0.5, 40, alpha=0.1)),
        (
            {"name": "cosine", "warm_up": 1.0},
            schedules.CosineDecay(0.0, 30, warmup_target=0.5, warmup_steps=10),
        ),
    ]
    lines = [(options, [float(schedule(step)) for step in range(45)]) for options, schedule in cases]
    lines.append(({"name": "one_cycle"}, one_cycle()))
    lines.append(({"name": "plateau", "factor": 0.5, "patience": 3}, list(plateau(factor=0.5, patience=3))))
    lines.append(
        (
            {"name": "plateau", "factor": 0.1, "patience": 2, "least": 0.05},
            list(plateau(factor=0.1, patience=2, min_lr=0.025)),
        )
    )
    for options, values in lines:
        yield json.dumps(options) + "|" + " ".join(f"{v:.9g}" for v in values)


if __name__ == "__main__":
    head = "# options|values; made by optimizers.py\n"
    (HERE / "optimizers.txt").write_text(head + "\n".join(optimizer_lines()) + "\n")
    (HERE / "schedules.txt").write_text(head + "\n".join(schedule_lines()) + "\n")
