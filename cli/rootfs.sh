#!/bin/sh
# All that an image of the tool holds, put below a directory: the program, the glibc that it was linked with, and the
# CA roots of this machine.
#
#   rootfs.sh PROGRAM DIRECTORY
set -eu
program=$1
directory=$2

install -D -m 0755 "$program" "$directory/usr/bin/spotkeeper"
# The loader and the libraries, where the loader looks for them. What the kernel maps has no path.
libraries=$(ldd "$program" | grep -o '/[^ ]*')
for library in $libraries; do
    install -D -m 0755 "$library" "$directory$library"
done
install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$directory/etc/ssl/certs/ca-certificates.crt"
