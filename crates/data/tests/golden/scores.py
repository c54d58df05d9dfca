"""Makes scores.json: 200 rows of probabilities over 8 classes and their scores by numpy; macro F1, the
confusion matrix and its classes by scikit-learn, intervals and the test of paired results by scipy.

Run in this folder: python3 scores.py (numpy 2, scikit-learn 1.9, scipy 1.17).
"""

import json
import math

import numpy
import scipy.stats
import sklearn.metrics

random = numpy.random.default_rng(20)
logits = random.normal(size=(200, 8)) * random.uniform(0.5, 4, size=(200, 1))
labels = random.integers(0, 8, size=200)
logits[numpy.arange(200), labels] += random.uniform(0, 4, size=200)
exponentials = numpy.exp(logits - logits.max(axis=1, keepdims=True))
stored = numpy.round(exponentials / exponentials.sum(axis=1, keepdims=True), 6).astype(numpy.float32)
p = stored.astype(numpy.float64)

order = numpy.argsort(-p, axis=1, kind="stable")
right = order[:, 0] == labels
of_label = p[numpy.arange(200), labels]
first = p.max(axis=1)
edges = numpy.linspace(0, 1, 16)
error = 0.0
counts = []
for low, high in zip(edges[:-1], edges[1:]):
    inside = (first > low) & (first <= high)
    counts.append(int(inside.sum()))
    if inside.any():
        error += inside.mean() * abs(first[inside].mean() - right[inside].mean())

def wilson(successes, count):
    interval = scipy.stats.binomtest(successes, count).proportion_ci(0.95, method="wilson")
    return [float(interval.low), float(interval.high)]


few = [(0, 1), (1, 1), (2, 2), (1, 2), (0, 3), (3, 3), (19, 20), (500, 1000)]


def student(values):
    test = scipy.stats.ttest_1samp(values, 0.0)
    interval = test.confidence_interval(0.95)
    return [float(interval.low), float(interval.high)]


other = right ^ (random.uniform(size=200) < 0.15)
only_first = int((right & ~other).sum())
only_second = int((~right & other).sum())
discordant = only_first + only_second
tail = sum(math.comb(discordant, k) for k in range(min(only_first, only_second) + 1))

answers = order[:, 0]
precision, recall, f1, support = sklearn.metrics.precision_recall_fscore_support(labels, answers, labels=range(8))
# As many photos as a mean over classes is worth, and Wilson's interval of it as the roots of
# (share - x)^2 = z^2 x (1 - x) / n.
effective = 8**2 / float(sum(1 / support))
share, z = float(f1.mean()), float(scipy.stats.norm.ppf(0.975))
square = z * z / effective
roots = numpy.roots([1 + square, -2 * share - square, share * share])
# Of the first twelve rows alone, where a class may be shown by no row.
first_rows = slice(0, 12)
few_f1 = sklearn.metrics.f1_score(
    labels[first_rows], answers[first_rows], labels=numpy.unique(labels[first_rows]), average="macro", zero_division=0
)
first_seeds = random.normal(0.75, 0.02, size=10).round(4)
second_seeds = (first_seeds + random.normal(0.012, 0.015, size=10)).round(4)
test = scipy.stats.permutation_test(
    (second_seeds, first_seeds), lambda one, other: numpy.mean(one - other), permutation_type="samples", vectorized=False
)

with open("scores.json", "w") as file:
    json.dump(
        {
            "probabilities": [[float(str(value)) for value in row] for row in stored],
            "labels": labels.tolist(),
            "top_1": float(right.mean()),
            "top_5": float((order[:, :5] == labels[:, None]).any(axis=1).mean()),
            "negative_log_likelihood": float(-numpy.log(numpy.maximum(of_label, 1e-12)).mean()),
            "brier": float(((p - numpy.eye(8)[labels]) ** 2).sum(axis=1).mean()),
            "expected_calibration_error": float(error),
            "bin_counts": counts,
            "wilson": wilson(int(right.sum()), len(right)),
            "wilson_of_few": [[*case, *wilson(*case)] for case in few],
            "student_97_5": [[n, float(scipy.stats.t.ppf(0.975, n))] for n in [*range(1, 31), 99, 100, 1000]],
            "student": student(first_seeds),
            "effective_photos": effective,
            "macro_f1_interval": sorted(roots.real.tolist()),
            "mcnemar_other_right": other.tolist(),
            "mcnemar_p_value": min(1.0, 2 * tail / 2**discordant),
            "confusion": sklearn.metrics.confusion_matrix(labels, answers, labels=range(8)).tolist(),
            "precision": precision.tolist(),
            "recall": recall.tolist(),
            "f1": f1.tolist(),
            "macro_f1": float(f1.mean()),
            "macro_f1_of_12": float(few_f1),
            "first_seeds": first_seeds.tolist(),
            "second_seeds": second_seeds.tolist(),
            "paired_difference": float(test.statistic),
            "paired_interval": student(second_seeds - first_seeds),
            "paired_p_value": float(test.pvalue),
        },
        file,
    )
    file.write("\n")
