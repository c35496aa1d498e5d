#!/usr/bin/env bash
# After the guide: each grant of the nodes' account that this flow needs is taken away alone,
# what then fails is printed under its name, and it is given back.
# Not here: logging.logWriter, monitoring.metricWriter and monitoring.viewer. Nothing in the
# sandbox writes logs or metrics as a node does, so taking them away would show nothing. The
# scope of Cloud KMS, which cannot be taken from nodes that run, is in guide_scopes.sh.
set -euo pipefail

PROJECT_ID="$GOOGLE_CLOUD_PROJECT" REGION=northamerica-northeast1
MEMBER="serviceAccount:cosign-test-cluster-sa@$PROJECT_ID.iam.gserviceaccount.com"
POLICY=clusterimagepolicy/private-signed-images-cip
IMAGE="$(kubectl get deployment nginx -o jsonpath='{.spec.template.spec.containers[0].image}')"

project() { gcloud projects "$1-iam-policy-binding" "$PROJECT_ID" --member "$MEMBER" --role "$2" >/dev/null; }
repository() { gcloud artifacts repositories "$1-iam-policy-binding" containers --location "$REGION" --member "$MEMBER" --role "$2" >/dev/null; }
create() { kubectl create deployment again --image="$1" --dry-run=server; }
refused() { if create "$1" 2>&1; then echo "admitted all the same"; exit 1; fi; }
# What was given back, or read again, may take a moment to be known.
admitted() {
  for _ in $(seq 50); do if create "$IMAGE" 2>/dev/null; then return; fi; sleep 0.5; done
  create "$IMAGE"
}
# The controller reads the key when the policy changes, not when an image is judged.
reread() {
  kubectl annotate --overwrite "$POLICY" read="$1" >/dev/null
  kubectl wait --timeout=5m --for=jsonpath='{.status.observedGeneration}'="$(kubectl get "$POLICY" -o jsonpath='{.metadata.generation}')" "$POLICY" >/dev/null
  kubectl wait --for=condition=Ready="$2" --timeout=5m "$POLICY" >/dev/null
}

# A read of its own, which ran while the role was taken away, fails at a later call: until the
# one that was asked for follows it, the words are not the last ones.
keyless() {
  for _ in $(seq 50); do if inlined | grep -q "'cloudkms.$1' denied"; then break; fi; sleep 0.5; done
  inlined
}
inlined() { kubectl get "$POLICY" -o jsonpath='{range .status.conditions[?(@.type=="KeysInlined")]}{.status} {.reason}: {.message}{"\n"}{end}'; }

echo "== with all of them"
admitted
for needs in viewer:cryptoKeys.get verifier:cryptoKeyVersions.viewPublicKey; do
  role="${needs%:*}"
  echo "== without roles/cloudkms.$role"
  project remove "roles/cloudkms.$role"
  reread "without-$role" False
  keyless "${needs#*:}"
  refused "$IMAGE"
  project add "roles/cloudkms.$role"
  reread "with-$role" True
  echo "== with all of them"
  admitted
done
echo "== without roles/artifactregistry.reader"
repository remove roles/artifactregistry.reader
refused "$IMAGE"
refused "${IMAGE%@*}:latest"
repository add roles/artifactregistry.reader
echo "== with all of them"
admitted
