#!/bin/sh
# Runs each fuzz target for some minutes, $FUZZ_JOBS (default: 1) at a time, and says what was run and
# found:
#
#     fuzz/run.sh [MINUTES [TARGET...]]     default: 10 minutes, every target
#
# Needs cargo-fuzz. The compiler may be a stable one. Everything the fuzzers say goes to
# $FUZZ_LOGS/TARGET.log (default: fuzz/logs), what they find to fuzz/artifacts/TARGET.
set -eu
cd "$(dirname "$0")"
minutes=${1:-10}
[ $# -gt 0 ] && shift
logs=${FUZZ_LOGS:-logs}
mkdir -p "$logs"
export RUSTC_BOOTSTRAP=1
host=$(rustc -vV | sed -n 's/^host: //p')
cargo run --release --quiet --example corpora -- corpus
cargo fuzz build
[ $# -gt 0 ] || set -- $(cargo fuzz list)
printf '%-12s %12s %8s %8s %8s  %s\n' target executions edges features corpus findings
export host logs seconds=$((minutes * 60))
# One target; xargs runs so many of them side by side, and fails where one does.
failed=0
printf '%s\n' "$@" | xargs -P "${FUZZ_JOBS:-1}" -I TARGET sh -c '
    target=$1
    failed=0
    mkdir -p "artifacts/$target"
    "target/$host/release/$target" "corpus/$target" \
        -artifact_prefix="artifacts/$target/" -max_total_time="$seconds" \
        -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 >"$logs/$target.log" 2>&1 || failed=1
    line=$(grep -E "^#[0-9]+.*cov: " "$logs/$target.log" | tail -1)
    value() { printf "%s" "$line" | sed -n "s/.*$1: \([0-9]*\).*/\1/p"; }
    printf "%-12s %12s %8s %8s %8s  %s\n" "$target" \
        "$(sed -n "s/^stat::number_of_executed_units: *//p" "$logs/$target.log")" \
        "$(value cov)" "$(value ft)" "$(value corp)" "$(ls "artifacts/$target" | tr "\n" " ")"
    exit $failed' sh TARGET || failed=1
rm -rf /dev/shm/museau-fuzz-* 2>/dev/null || true
exit $failed
