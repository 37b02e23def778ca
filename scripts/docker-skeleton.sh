#!/usr/bin/env bash
# scripts/docker-skeleton.sh SOURCE DESTINATION
# Copies what determines the built dependencies: the lock file, the manifests, and an empty main for
# every file that is a cargo target. Modules are omitted, so that a new module changes nothing here.
set -euo pipefail
shopt -s nullglob

mkdir -p "$2"
destination=$(cd "$2" && pwd)
cd "$1"

install -m 644 Cargo.lock "$destination/Cargo.lock"
for manifest in Cargo.toml */Cargo.toml */*/Cargo.toml; do
    install -D -m 644 "$manifest" "$destination/$manifest"
    package=$(dirname "$manifest")
    for target in "$package"/{build,src/lib,src/main}.rs "$package"/{src/bin,benches,examples,tests}/{*.rs,*/main.rs} \
        "$package"/*.rs "$package"/*/main.rs; do
        [ -e "$target" ] || continue
        mkdir -p "$(dirname "$destination/$target")"
        printf 'fn main() {}\n' >"$destination/$target"
    done
done
