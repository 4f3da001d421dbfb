#!/bin/bash
# Gives each role a password of its own; for infra/compose.yaml alone, where one server serves all owners.
set -euo pipefail
for owner in identity groups grants tokens; do
  for suffix in "" _migrate; do
    variable="PORTCULLIS_${owner^^}${suffix^^}_PASSWORD"
    psql --username=postgres --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
      --set=role="portcullis_$owner$suffix" --set=password="${!variable}" \
      <<< "alter role :\"role\" password :'password'"
  done
done
