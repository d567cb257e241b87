#!/usr/bin/env bash
# Runs a command with the newest Node, whose binary comes from the package registry: tools/newest-node.sh SCRIPT [ARGUMENT ...]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
package="node-$(node -p 'process.platform + "-" + process.arch')"
npm install --silent --no-save --ignore-scripts --prefix "$folder" "$package@latest"
"$folder/node_modules/$package/bin/node" "$@"
