#!/usr/bin/env bash
# All runs behind docs/evidence/first-results.md; finished ones are not done again. HAMILTONE_DATA names the folder of the corpora.
set -euo pipefail
here=$(dirname "$0")
out=runs/first-results

hamiltone pretrain "$here/rh-emo-1.toml"
hamiltone pretrain "$here/rh-emo-2.toml"
hamiltone pretrain "$here/word.toml" &
hamiltone pretrain "$here/speaker.toml"
wait
for seed in ${SEEDS:-0 1 2}; do
    folder=$out/seed-$seed
    hamiltone train "$here/baseline.toml" seed=$seed "out=$folder/baseline" &
    hamiltone train "$here/at-speaker.toml" seed=$seed "out=$folder/at-speaker"
    hamiltone train "$here/at-word.toml" seed=$seed "out=$folder/at-word"
    wait
    hamiltone train "$here/dual-sw.toml" seed=$seed "out=$folder/dual-sw" "init_from=$folder/at-speaker" &
done
wait
