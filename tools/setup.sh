#!/bin/sh
# Install the Debian packages that are missing: one call of apt-get, none when all are there.
# Needs root, or sudo, only when something is to be installed.
set -eu

# name, and what it is for
packages='gcc compiles d2v, and kernels at run time
g++ builds the C++ parts that libraries bring along
make builds
flex makes the lexer of the language
bison makes the parser of the language
pkg-config finds the libraries
check runs the unit tests
python3 reads what d2v wrote, independently, in the tests
libdnnl-dev does matrix products on the CPU
libjpeg62-turbo-dev reads JPEG images
libspng-dev reads PNG images
libjansson-dev reads and writes JSON
libxxhash-dev makes hashes of content and names
libisal-dev makes checksums of event files
libprotobuf-c-dev writes event files
protobuf-c-compiler makes the code that writes event files
zlib1g-dev reads compressed data sets
dataset-fashion-mnist is the data set of the demonstration'

# setup.sh fuzz: what `make fuzz` needs besides.
if [ "${1:-}" = fuzz ]; then
	packages="$packages
clang-14 compiles the fuzz targets
libclang-rt-14-dev is the fuzzing engine"
fi

if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "setup: this is no Debian system (no dpkg-query). What is needed here:" >&2
	echo "$packages" | sed 's/ /  /; s/^/  /' >&2
	exit 3
fi

names=$(echo "$packages" | cut -d' ' -f1)
# shellcheck disable=SC2086 # one word each
have=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' $names 2>/dev/null | sed -n 's/^ii *//p') || true
missing=
for name in $names; do
	echo "$have" | grep -qxF "$name" || missing="$missing $name"
done
[ -n "$missing" ] || exit 0

sorry() {
	echo "setup: $1. Missing:" >&2
	for name in $missing; do
		echo "$packages" | grep "^$name " | sed 's/ /: /; s/^/  /' >&2
	done
	exit 3
}

as=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null 2>&1 || sorry "packages are missing, and installing them needs root or sudo"
	as=sudo
fi
echo "setup: installing$missing"
# A fresh machine has no lists of packages yet.
if ! ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1; then
	$as apt-get -qq update || sorry "apt-get cannot reach its package lists"
fi
install() {
	# shellcheck disable=SC2086
	$as env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y $missing
}
# Old lists name files that a mirror no longer has: with new ones it is tried once more.
install || { $as apt-get -qq update && install; } || sorry "apt-get could not install everything"
