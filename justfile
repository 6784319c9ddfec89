# list the recipes
default:
    @just --list --unsorted

# run an experiment: just run experiments/mnist-transfer.toml
run FILE *ARGUMENTS: build
    target/release/topwork run {{FILE}} {{ARGUMENTS}}

# any other command of the program: just topwork runs list
topwork *ARGUMENTS: build
    target/release/topwork {{ARGUMENTS}}

# build everything: the program and its plugins
build:
    cargo build --release --locked --workspace --quiet

# build everything and run all tests
test *ARGUMENTS: build
    cargo test --release --locked --workspace --no-fail-fast {{ARGUMENTS}}

# formatting, lints and generated files, without changing anything
check: build
    cargo fmt --all --check
    cargo clippy --release --locked --workspace --all-targets -- --deny warnings
    target/release/topwork references . --check

# write the files that are made from the code
generate: build
    target/release/topwork references .

# format the code
format:
    cargo fmt --all

# delete what was built
clean:
    cargo clean
