#!/usr/bin/env bash
# scripts/embed.sh FILE NAME <TEXT
# Replaces the text between the lines <!-- NAME:begin --> and <!-- NAME:end --> of FILE, which must
# contain each of them once and in this order. A file with the same text stays untouched.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ "$#" -eq 2 ] || die "usage: scripts/embed.sh FILE NAME <TEXT"
file=$1
begin="<!-- $2:begin -->"
end="<!-- $2:end -->"

# Beside the file, so that the last step is a rename.
new=$(mktemp "$file.XXXXXX")
text=$(mktemp)
trap 'rm -f "$new" "$text"' EXIT
cat >"$text"
[ -s "$text" ] || die "no text for the $2 markers of $file"

awk -v begin="$begin" -v end="$end" -v text="$text" '
    $0 == begin { if (begun++) exit 1; print; while ((getline line < text) > 0) print line; skip = 1; next }
    $0 == end { if (!skip || ended++) exit 1; skip = 0 }
    !skip { print }
    END { if (begun != 1 || ended != 1) exit 1 }
' "$file" >"$new" || die "$file must contain the lines $begin and $end, once each and in this order"

if cmp -s "$file" "$new"; then
    exit 0
fi
chmod --reference="$file" "$new"
mv "$new" "$file"
say "$file: updated $2"
