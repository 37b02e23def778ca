#!/usr/bin/env bash
# Installs what the build needs beside Rust: a C compiler and the C library's headers (to link, and
# for the bundled SQLite and AWS-LC, which need neither cmake nor bindgen on Linux x86_64 and
# aarch64).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

have cargo || die "cargo is not installed; install Rust from https://rustup.rs (version: rust-toolchain.toml)"

compiles_c() {
    have cc && printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | cc -x c -o /dev/null - 2>/dev/null
}

if ! compiles_c; then
    can_apt_install || die "no C compiler is installed; install gcc and the headers of the C library"
    apt_install gcc libc6-dev
fi
