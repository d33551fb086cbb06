#!/bin/sh
# certificates.sh FOLDER: an authority of our own (ca.pem) and what it signed for 127.0.0.1 (good), for 127.0.0.1 until some
# years ago (old), and for another host (other). Each NAME.pem with its NAME.key.
set -eu
cd "$1"
cat > ca.cnf <<'END'
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
[any]
commonName = supplied
END
: > index.txt
echo 01 > serial

make() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2> /dev/null
  echo "subjectAltName=$2" > "$1.ext"
  openssl ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -in "$1.csr" -out "$1.pem" -extfile "$1.ext" \
    -startdate 20200101000000Z -enddate "$3" 2> /dev/null
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=An authority of the tests" \
  -keyout ca.key -out ca.pem -days 2 2> /dev/null
make good IP:127.0.0.1,DNS:localhost 20490101000000Z
make old IP:127.0.0.1 20210101000000Z
make other DNS:elsewhere.example 20490101000000Z
