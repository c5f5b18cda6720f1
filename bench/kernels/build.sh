#!/bin/sh
# Builds the kernels of the benchmark from C: each *.c here into the *.wasm beside it. The committed ones are from
# Debian's clang and lld 14.0.6 (apt-get install clang lld); the same versions give the same bytes.
#
#     bench/kernels/build.sh            builds
#     bench/kernels/build.sh --check    writes nothing, and fails where a committed file differs
set -eu
cd "$(dirname "$0")"
clang=${CLANG:-clang}
"$clang" --version | head -n 1
folder=.
if [ "${1:-}" = --check ]; then
  folder=$(mktemp -d)
  trap 'rm -r "$folder"' EXIT
fi
for source in *.c; do
  name=${source%.c}
  simd=
  if [ "$name" = dot-simd ]; then simd=-msimd128; fi
  # __builtin_memcpy and __builtin_memset become memory.copy and memory.fill: there is no library to call.
  "$clang" --target=wasm32 -O2 -std=c17 -Wall -Werror -Wno-unused-parameter -ffreestanding -nostdlib \
    -mbulk-memory -msign-ext -mnontrapping-fptoint $simd \
    -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first -Wl,-z,stack-size=65536 -o "$folder/$name.wasm" "$source"
  if [ "$folder" != . ] && ! cmp -s "$folder/$name.wasm" "$name.wasm"; then
    echo "$name.wasm differs from its source; run bench/kernels/build.sh" >&2
    exit 1
  fi
done
ls -l ./*.wasm | awk '{ bytes += $5 } END { print NR " kernels, " bytes " bytes" }'
