#!/bin/sh
# Creates a certificate for a node of a Ray cluster: sh deploy/ray-tls.sh FOLDER ADDRESS…
# The first call also creates the cluster's CA. Copy ca.crt, node.crt and node.key to the node with
# these addresses, and keep ca.key to yourself.
set -eu
folder=$1
shift
umask 077
mkdir -p "$folder"
cd "$folder"
if [ ! -e ca.key ]; then
    openssl req -x509 -newkey rsa:3072 -nodes -days 3650 -subj "/CN=Imagine's Ray cluster" \
        -keyout ca.key -out ca.crt
fi
names=$(printf ',IP:%s' "$@")
openssl req -newkey rsa:3072 -nodes -subj "/CN=$1" -keyout node.key -out node.csr
printf 'subjectAltName=%s\n' "${names#,}" >node.ext
openssl x509 -req -days 365 -in node.csr -CA ca.crt -CAkey ca.key -CAcreateserial \
    -extfile node.ext -out node.crt
rm node.csr node.ext
