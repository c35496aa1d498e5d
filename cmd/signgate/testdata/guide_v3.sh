#!/usr/bin/env bash
# After the guide: cosign v3. What it signs by default is a bundle, which the controller does not
# read for keys; asked for it, it signs as v2 did.
set -euo pipefail

PROJECT_ID="$GOOGLE_CLOUD_PROJECT" REGION=northamerica-northeast1
KMS="gcpkms://projects/$PROJECT_ID/locations/$REGION/keyRings/cosign/cryptoKeys/cosign"
IMAGE="$REGION-docker.pkg.dev/$PROJECT_ID/containers/nginx"
create() { kubectl create deployment v3 --image="$IMAGE@$DIGEST" --dry-run=server; }

crane mutate "$IMAGE" --platform linux/amd64 --label by=cosign-v3 --tag "$IMAGE:v3"
DIGEST="$(crane digest "$IMAGE:v3")"
# Its default is also to tell Sigstore's log, which is no part of the sandbox: a signing
# configuration without one is all that is not its default here.
echo '{"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json", "caUrls": [], "oidcUrls": [], "rekorTlogUrls": [], "tsaUrls": [], "rekorTlogConfig": {"selector": "ANY"}, "tsaConfig": {"selector": "ANY"}}' > signing.json
cosign-v3 sign --yes --signing-config signing.json --key "$KMS" "$IMAGE@$DIGEST"
if create; then echo "a bundle was admitted"; exit 1; fi
cosign-v3 sign --yes --new-bundle-format=false --use-signing-config=false --tlog-upload=false --key "$KMS" "$IMAGE@$DIGEST"
create
crane ls "$IMAGE"
helm list --namespace cosign-system
kubectl logs --namespace cosign-system deployment/policy-controller-webhook --tail=1
crane delete "$IMAGE:v3"
if crane digest "$IMAGE:v3"; then exit 1; fi
