# arguments keep their quotes: just run FILE --set 'seeds = [1, 2]'
set positional-arguments

# list the recipes
default:
    @just --list --unsorted

# run an experiment: just run experiments/mnist-transfer.toml
run FILE *ARGUMENTS: build
    target/release/topwork run "$@"

# any other command of the program: just topwork runs list
topwork *ARGUMENTS: build
    target/release/topwork "$@"

# build everything: the program and its plugins; libraries of plugins that are no more would still be loaded, and go
build:
    @cargo build --release --locked --workspace $(test -t 2 || echo --quiet)
    @for library in target/release/libtopwork_plugin_*; do \
        name=${library##*/libtopwork_plugin_}; name=$(echo ${name%%.*} | tr _ -); \
        test -d plugins/$name -o -d tests/$name || rm -f $library; \
    done

# install the program with its plugins, completions and man pages: just install --prefix ~/.local
install *ARGUMENTS: build
    @scripts/install.sh "$@"

# remove what was installed: just uninstall --prefix ~/.local
uninstall *ARGUMENTS:
    @scripts/install.sh --uninstall "$@"

# a wheel for pip, into target/wheel: pip install target/wheel/topwork-*.whl
wheel *ARGUMENTS: build
    test -e target/wheel-tools/installed || { python3 -m venv target/wheel-tools && target/wheel-tools/bin/pip install --quiet wheel && touch target/wheel-tools/installed; }
    target/wheel-tools/bin/python scripts/wheel.py "$@"

# build everything and run all tests
test *ARGUMENTS: build
    cargo test --release --locked --workspace --no-fail-fast "$@"

# the backbone `onnx` by each runtime that is there: ORT_DYLIB_PATH=/path/to/libonnxruntime.so just test-runtimes
test-runtimes *ARGUMENTS: build
    cargo test --release --locked --workspace --test runtimes "$@"

# a run on a real Slurm, which this starts and ends itself, disturbed at random: just test-slurm --disturbances 30 --table FILE (needs root and slurmctld, slurmd, slurm-client, munge; else it says that it is skipped)
test-slurm *ARGUMENTS: build
    python3 tests/slurm/disturb.py target/release/topwork "$@"

# get what experiments use and the project does not carry, into data/fetched: just fetch efficientnet-lite0 stamps
fetch *NAMES: build
    python3 scripts/fetch.py "$@"

# formatting, lints and generated files, without changing anything
check: build
    cargo fmt --all --check
    cargo fmt --manifest-path fuzz/Cargo.toml --check
    cargo clippy --release --locked --workspace --all-targets -- --deny warnings
    target/release/topwork references . --check
    target/release/topwork-header . --check

# write the files that are made from the code
generate: build
    target/release/topwork references .
    target/release/topwork-header .

# draw the pictures of the dashboard, docs/screens/, from the recorded run
screenshots:
    TOPWORK_WRITE_SCREENS=1 cargo test --release --locked --package topwork-tui --test dashboard pictures

# every view of the dashboard in four sizes and in all colours, as pictures to look at: just captures target/captures
captures FOLDER:
    TOPWORK_CAPTURES="$(realpath --canonicalize-missing "$1")" cargo test --release --locked --package topwork-tui --test dashboard looked_at

# format the code
format:
    cargo fmt --all
    cargo fmt --manifest-path fuzz/Cargo.toml

# how fast the engine is here: layer by layer and step by step (two minutes), or those whose name matches: just bench depthwise
bench *FILTER: build
    cargo bench --locked --quiet --package topwork-bench -- --noplot "$@"

# whole workloads, each in a process of its own
bench-workloads *ARGUMENTS: build
    target/release/bench prepare "$@"
    target/release/bench all "$@"

# the workloads beside PyTorch, onnxruntime, OpenVINO and scikit-learn, in turns, into bench/results.md (downloads 2 GB once; an hour or two on a quiet machine): just bench-peers --only lenet-train --rounds 1
bench-peers *ARGUMENTS: build peers
    python3 bench/compare.py "$@"

# our classifier heads and scikit-learn's on the same features, into bench/heads.md (five minutes on a quiet machine)
bench-heads *ARGUMENTS: build peers
    bench/.venv/bin/python bench/heads.py "$@"

# our classifier heads and scikit-learn's on features of stamps, into bench/stamps.md (five minutes; just fetch efficientnet-lite0 stamps)
bench-stamps *ARGUMENTS: build peers
    bench/.venv/bin/python bench/stamps.py "$@"

# features and predictions: what other programs read of them, and with a model in the ONNX format how fast they come: just bench-features MODEL CUT MEAN STD
bench-features *ARGUMENTS: build
    python3 bench/features.py target/release/topwork "$@"

# rows of real runs as model files, computed by rten and onnxruntime, into bench/exports.md (an hour): just bench-exports MODEL CUT MEAN STD
bench-exports *ARGUMENTS: build
    python3 bench/exports.py target/release/topwork "$@" > bench/exports.md

# whether the real TensorBoard and MLflow read what `topwork report --to` writes, into bench/trackers.md: just bench-trackers runs/0001-mnist-transfer
bench-trackers RUN: build
    test -e bench/.venv-trackers/installed || { python3 -m venv bench/.venv-trackers && bench/.venv-trackers/bin/pip install --quiet --requirement bench/trackers.txt && touch bench/.venv-trackers/installed; }
    MLFLOW_ALLOW_FILE_STORE=true bench/.venv-trackers/bin/python bench/trackers.py "$@"

# rows that follow published protocols beside scikit-learn and the published code, into bench/protocols.md (five minutes): just bench-protocols runs/0001-protocols
bench-protocols RUN *ARGUMENTS: build peers
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 bench/.venv/bin/python bench/protocols.py target/release/topwork "$@"

# the Python environment of the peers: bench/.venv
peers:
    test -e bench/.venv/installed || { python3 -m venv bench/.venv && bench/.venv/bin/pip install --quiet --requirement bench/requirements.txt && touch bench/.venv/installed; }

# how often tests reject what is true and intervals hold it, by simulation, into bench/calibration.md (ten minutes or so)
bench-calibration *ARGUMENTS:
    cargo run --release --locked --quiet --package topwork-measure --example calibration -- bench/calibration.md "$@"

# write the reference arrays of the engine's and the heads' tests again
reference: peers
    bench/.venv/bin/python bench/reference/reference.py
    bench/.venv/bin/python bench/reference/heads.py
    bench/.venv/bin/python bench/reference/statistics.py

# try every fault on real runs (kills, damage, full disks, hostile plugins) and write docs/reliability.md: ten minutes or so
torture *ARGUMENTS: build
    target/release/torture --flagship experiments/mnist-transfer.toml "$@"

# look for inputs that a reader of foreign data trips over: just fuzz events 60; without a target each in turn (needs cargo-fuzz)
fuzz TARGET="" SECONDS="60":
    @cargo fuzz --version >/dev/null 2>&1 || { echo "fuzzing needs cargo-fuzz: cargo install cargo-fuzz" >&2; exit 1; }
    @for target in {{ if TARGET == "" { "$(cargo fuzz list)" } else { TARGET } }}; do \
        mkdir -p fuzz/corpus/$target && echo "== $target" && \
        cargo fuzz run --sanitizer none $target fuzz/corpus/$target fuzz/seeds/$target -- -max_total_time={{SECONDS}} -rss_limit_mb=4096 -timeout=20 || exit 1; \
    done

# delete what was built
clean:
    cargo clean
