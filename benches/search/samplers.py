"""museau's samplers beside Optuna's, on five standard functions and a mixed conditional space.

    pip install -r benches/search/requirements.txt
    cargo build --release -p study --example functions
    python benches/search/samplers.py target/release/examples/functions [--seeds 20] [--trials 100] [--cma]

Both get the same budget; a seed of one has nothing in common with the same seed of the other, so that seeds
are compared in the order of their results as well (Mann and Whitney) as in pairs (Wilcoxon). Below 0.05 in
the column `worse` museau would be worse.
"""
import argparse
import collections
import math
import subprocess

import optuna
from scipy.stats import mannwhitneyu, wilcoxon

optuna.logging.set_verbosity(optuna.logging.ERROR)


def numbers(trial, ranges):
    return [trial.suggest_float(f"x{i}", low, high) for i, (low, high) in enumerate(ranges)]


def branin(trial):
    x, y = numbers(trial, [(-5, 10), (0, 15)])
    inner = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return inner**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def rosenbrock(trial):
    x = numbers(trial, [(-2, 2)] * 4)
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))


def ackley(trial):
    x = numbers(trial, [(-32.768, 32.768)] * 5)
    squares = sum(v * v for v in x) / 5
    waves = sum(math.cos(2 * math.pi * v) for v in x) / 5
    return -20 * math.exp(-0.2 * math.sqrt(squares)) - math.exp(waves) + 20 + math.e


A = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
P = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
]


def hartmann6(trial):
    x = numbers(trial, [(0, 1)] * 6)
    term = lambda a, p, alpha: alpha * math.exp(-sum(a[i] * (x[i] - p[i]) ** 2 for i in range(6)))
    return -sum(term(a, p, alpha) for a, p, alpha in zip(A, P, [1.0, 1.2, 3.0, 3.2]))


def rastrigin(trial):
    x = numbers(trial, [(-5.12, 5.12)] * 5)
    return sum(v * v - 10 * math.cos(2 * math.pi * v) + 10 for v in x)


def conditional(trial):
    blocks = trial.suggest_int("blocks", 2, 4)
    wide = [trial.suggest_int(f"filters{i}", 8, 128, log=True) for i in range(1, blocks + 1)]
    filters = sum((math.log2(w) - wanted) ** 2 for w, wanted in zip(wide, [5.0, 5.5, 6.0, 6.5]))
    depth = {2: 0.9, 3: 0.3, 4: 0.0}[blocks]
    optimizer = trial.suggest_categorical("optimizer", ["adam", "sgd"])
    rate = math.log10(trial.suggest_float("rate", 1e-5, 1.0, log=True))
    if optimizer == "adam":
        cost = (rate + 3) ** 2
    else:
        momentum = trial.suggest_float("momentum", 0, 0.99)
        cost = 0.1 + (rate + 1.5) ** 2 + 4 * (momentum - 0.9) ** 2
    activation = {"swish": 0.0, "relu": 0.15, "tanh": 0.6}
    return 0.2 * filters + depth + cost + activation[trial.suggest_categorical("activation", list(activation))]


FUNCTIONS = [branin, rosenbrock, ackley, hartmann6, rastrigin, conditional]


def optunas(function, sampler, seeds, trials):
    values = []
    for seed in range(seeds):
        study = optuna.create_study(sampler=sampler(seed))
        study.optimize(function, n_trials=trials)
        values.append(study.best_value)
    return values


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("functions")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--cma", action="store_true", help="CMA-ES, on the functions of numbers alone")
    options = parser.parse_args()
    name = "cma-es" if options.cma else "tpe"
    command = [options.functions, f"{name},random", str(options.seeds), str(options.trials)]
    own = collections.defaultdict(list)
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        function, sampler, _, *values = line.split(",")
        own[function, sampler].append(float(values[-1]))
    if options.cma:
        sampler = lambda seed: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    else:
        # What museau's does: parameters that exist together are drawn together.
        sampler = lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True)
    median = lambda values: sorted(values)[len(values) // 2]
    print(f"best of {options.trials} trials, median of {options.seeds} seeds\n")
    print(f"| function | museau {name} | Optuna | random | worse (Mann-Whitney) | worse (Wilcoxon) |")
    print("|---|---|---|---|---|---|")
    for function in FUNCTIONS:
        if options.cma and function is conditional:
            continue
        theirs = optunas(function, sampler, options.seeds, options.trials)
        ours, chance = own[function.__name__, name], own[function.__name__, "random"]
        ranks = mannwhitneyu(ours, theirs, alternative="greater").pvalue
        pairs = wilcoxon(ours, theirs, alternative="greater").pvalue
        row = [median(ours), median(theirs), median(chance)]
        print(f"| {function.__name__} | " + " | ".join(f"{v:.4g}" for v in row) + f" | {ranks:.2f} | {pairs:.2f} |", flush=True)


if __name__ == "__main__":
    main()
