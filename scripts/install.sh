#!/bin/sh
# Installs the program with its plugins, its data, shell completions and man pages below a prefix, so that it works from any
# folder; or removes what was installed there. `just install` builds first and calls this.
set -eu
umask 022

usage() {
    cat <<END
usage: scripts/install.sh [--prefix DIR] [--from DIR] [--uninstall]
  --prefix DIR   where to install [default: \$PREFIX, else ~/.local]
  --from DIR     the folder that was built into [default: target/release]
  --uninstall    remove what was installed there
END
}

fail() {
    echo "error: $1" >&2
    exit "${2:-1}"
}

checkout=$(cd "$(dirname "$0")/.." && pwd)
from=$checkout/target/release
prefix=${PREFIX:-}
uninstall=false
while [ $# -gt 0 ]; do
    case $1 in
    --prefix | --from) [ $# -gt 1 ] || fail "\`$1\` needs a folder" 2 ;;
    esac
    case $1 in
    --prefix) prefix=$2 && shift ;;
    --prefix=*) prefix=${1#--prefix=} ;;
    PREFIX=*) prefix=${1#PREFIX=} ;;
    --from) from=$2 && shift ;;
    --uninstall) uninstall=true ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && fail "\`$1\` is no option of it" 2 ;;
    esac
    shift
done
[ -n "$prefix" ] || prefix=${HOME:?error: neither --prefix nor HOME says where to install}/.local
case $prefix in
/*) ;;
*) prefix=$PWD/$prefix ;;
esac

# What was installed, a path below the prefix on each line: removed with it, and before another version is left in its place.
list=share/topwork/installed

# Removes the files of the list that the file $1 does not have, and the folders that are empty then.
remove_others() {
    [ -f "$prefix/$list" ] || return 0
    while IFS= read -r file; do
        grep -Fqx "$file" "$1" && continue
        rm -f "$prefix/$file"
        folder=$(dirname "$file")
        while [ "$folder" != . ] && rmdir "$prefix/$folder" 2>/dev/null; do
            folder=$(dirname "$folder")
        done
    done <"$prefix/$list"
}

if $uninstall; then
    [ -f "$prefix/$list" ] || fail "nothing was installed in \`$prefix\`: there is no \`$list\`"
    remove_others /dev/null
    rm -f "$prefix/$list"
    rmdir "$prefix/share/topwork" "$prefix/share" 2>/dev/null || true
    echo "removed topwork from $prefix"
    exit 0
fi

suffix=so
[ "$(uname)" != Darwin ] || suffix=dylib
[ -x "$from/topwork" ] || fail "there is no program in \`$from\`: \`just build\` builds it"

installed=$(mktemp)
made=$(mktemp -d)
trap 'rm -rf "$installed" "$made"' EXIT

# Copies the file $1 to the path $2 below the prefix. What runs meanwhile keeps the file it has open: a new one takes its name.
put() {
    mkdir -p "$(dirname "$prefix/$2")" || fail "cannot make a folder for \`$prefix/$2\`"
    cp "$1" "$prefix/$2.new" || fail "cannot write \`$prefix/$2\`"
    # What only a debugger reads is most of them. On macOS it would break their signatures.
    if [ "$3" = 755 ] && [ "$suffix" = so ] && command -v strip >/dev/null; then
        strip -S "$prefix/$2.new" || fail "cannot strip \`$prefix/$2\`"
    fi
    chmod "$3" "$prefix/$2.new"
    mv -f "$prefix/$2.new" "$prefix/$2"
    echo "$2" >>"$installed"
}

put "$from/topwork" bin/topwork 755
for folder in "$checkout"/plugins/*/; do
    library=libtopwork_plugin_$(basename "$folder" | tr - _).$suffix
    [ -f "$from/$library" ] || fail "there is no \`$library\` in \`$from\`: \`just build\` builds it"
    put "$from/$library" "lib/topwork/plugins/$library" 755
done
for file in "$checkout"/data/mnist/* "$checkout"/data/fetched/*.safetensors; do
    # Weights are there where `just fetch` has left some.
    [ ! -f "$file" ] || put "$file" "share/topwork/data/${file#"$checkout"/data/}" 644
done

for shell in bash zsh fish; do
    "$prefix/bin/topwork" completions $shell >"$made/$shell"
done
put "$made/bash" share/bash-completion/completions/topwork 644
put "$made/zsh" share/zsh/site-functions/_topwork 644
put "$made/fish" share/fish/vendor_completions.d/topwork.fish 644
mkdir "$made/man"
"$prefix/bin/topwork" man-pages "$made/man"
for page in "$made/man"/*.1; do
    put "$page" "share/man/man1/$(basename "$page")" 644
done

remove_others "$installed"
mkdir -p "$prefix/$(dirname $list)"
cp "$installed" "$prefix/$list"
chmod 644 "$prefix/$list"

echo "installed topwork in $prefix: the program, its plugins, MNIST, man pages and completions for bash, zsh and fish"
# Code is loaded only from where nobody else can put any.
case $(ls -ld "$prefix/lib/topwork/plugins") in
????????w*) echo "warning: anybody may write to $prefix/lib/topwork/plugins, so topwork will load nothing from it" >&2 ;;
esac
case :$PATH: in
*":$prefix/bin:"*) ;;
*) echo "your PATH lacks it: export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
case ${SHELL:-} in
*zsh) echo "for completions in zsh, before compinit: fpath+=($prefix/share/zsh/site-functions)" ;;
esac
