#!/usr/bin/env bash
# Installs what a build for another kind of machine needs, if it is not there yet: scripts/cross_dependencies.sh arm64|wasm
#   arm64   Debian's cross compiler, its packages for arm64, and qemu-user to run what was built
#   wasm    Debian's Emscripten; and the libraries, built from Debian's sources into build/wasm_libraries
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
sudo=""
[ "$(id -u)" -eq 0 ] || sudo="sudo"
export DEBIAN_FRONTEND=noninteractive

install() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing: ${missing[*]}"
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

arm64() {
  dpkg --print-foreign-architectures | grep -qx arm64 || $sudo dpkg --add-architecture arm64
  install g++-aarch64-linux-gnu qemu-user cmake ninja-build nlohmann-json3-dev libexpected-dev libcli11-dev libprotozero-dev \
    libc6-dev:arm64 libhwy-dev:arm64 libkissfft-dev:arm64 libsndfile1-dev:arm64 libsoxr-dev:arm64 \
    libsoundtouch-dev:arm64 libgtest-dev:arm64
}

# Sources of Debian packages; a list of them may have to be made first.
sources() {
  if ! apt-cache showsrc "$1" >/dev/null 2>&1 || [ -z "$(apt-cache showsrc "$1" 2>/dev/null)" ]; then
    local list=/etc/apt/sources.list.d/debian.sources
    [ -e $list ] && $sudo sed -i 's/^Types: deb$/Types: deb deb-src/' $list
    [ -s /etc/apt/sources.list ] && sed -n 's/^deb /deb-src /p' /etc/apt/sources.list |
      $sudo tee /etc/apt/sources.list.d/mobileasr-sources.list >/dev/null
    $sudo apt-get update -qq
  fi
  apt-get source -qq "$@" >/dev/null
}

# emscripten_library SOURCE [CMake options]
emscripten_library() {
  local source=$1
  shift
  echo "building $(basename "$source")"
  emcmake cmake -S "$source" -B "$work/build-$(basename "$source")" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_FIND_ROOT_PATH="$prefix" -DBUILD_SHARED_LIBS=OFF \
    -DCMAKE_C_FLAGS="-pthread -msimd128" -DCMAKE_CXX_FLAGS="-pthread -msimd128" "$@" >/dev/null
  cmake --build "$work/build-$(basename "$source")" --target install -- --quiet >/dev/null
}

wasm() {
  install emscripten cmake ninja-build dpkg-dev googletest nlohmann-json3-dev libexpected-dev libcli11-dev libprotozero-dev librange-v3-dev
  command -v npm >/dev/null || install nodejs npm
  # Emscripten's optimiser of JavaScript wants it; Debian's package of it wants Debian's Node.
  [ -d "$here/build/npm/node_modules/acorn" ] ||
    npm install --prefix "$here/build/npm" --no-audit --no-fund --loglevel=error acorn@8 >/dev/null
  prefix=$here/build/wasm_libraries
  [ -e "$prefix/complete" ] && return 0
  export NODE_PATH=$here/build/npm/node_modules
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  sources highway kissfft libsoxr libsndfile soundtouch
  emscripten_library "$(echo "$work"/highway-*/)" -DHWY_ENABLE_TESTS=OFF -DHWY_ENABLE_EXAMPLES=OFF -DHWY_ENABLE_CONTRIB=OFF
  emscripten_library "$(echo "$work"/kissfft-*/)" -DKISSFFT_TEST=OFF -DKISSFFT_TOOLS=OFF -DKISSFFT_STATIC=ON -DKISSFFT_PKGCONFIG=OFF
  emscripten_library "$(echo "$work"/libsoxr-*/)" -DBUILD_TESTS=OFF -DWITH_OPENMP=OFF \
    -DWITH_LSR_BINDINGS=OFF -DWITH_CR32S=OFF -DWITH_CR64S=OFF
  emscripten_library "$(echo "$work"/libsndfile-*/)" -DENABLE_EXTERNAL_LIBS=OFF -DENABLE_MPEG=OFF -DBUILD_PROGRAMS=OFF \
    -DBUILD_EXAMPLES=OFF -DBUILD_TESTING=OFF -DENABLE_PACKAGE_CONFIG=OFF
  sed -i 's/-Ofast/-O2/' "$work"/soundtouch-*/CMakeLists.txt  # a level that this Emscripten does not know
  emscripten_library "$(echo "$work"/soundtouch-*/)" -DSOUNDSTRETCH=OFF
  emscripten_library /usr/src/googletest -DBUILD_GMOCK=OFF
  # Of those that are headers alone this machine's will do.
  for headers in nlohmann tl CLI protozero range meta concepts std; do ln -sfn "/usr/include/$headers" "$prefix/include/$headers"; done
  touch "$prefix/complete"
}

case "${1:-}" in
  arm64 | wasm) "$1" ;;
  *)
    echo "usage: $0 arm64|wasm" >&2
    exit 2
    ;;
esac
