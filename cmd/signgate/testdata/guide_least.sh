#!/usr/bin/env bash
# After the guide: each grant of the nodes' account that this flow needs is taken away in turn,
# and what then fails is printed; with all of them back the signed image is admitted again.
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
admitted() { kubectl create deployment again --image="$IMAGE" --dry-run=server; }
refused() { if admitted; then echo "admitted without $1"; exit 1; fi; }
# The controller reads the key when the policy changes, not when an image is judged.
reread() {
  kubectl annotate --overwrite "$POLICY" read="$1" >/dev/null
  kubectl wait --for=jsonpath='{.status.observedGeneration}'="$(kubectl get "$POLICY" -o jsonpath='{.metadata.generation}')" "$POLICY" >/dev/null
  kubectl wait --for=condition=Ready="$2" --timeout=60s "$POLICY"
}

admitted
for role in viewer verifier; do
  project remove "roles/cloudkms.$role"
  reread "without-$role" False
  echo "without $role: $(kubectl get "$POLICY" -o jsonpath='{.status.conditions[?(@.type=="KeysInlined")].message}')"
  refused "$role"
  project add "roles/cloudkms.$role"
  reread "with-$role" True
done
repository remove roles/artifactregistry.reader
refused reader
repository add roles/artifactregistry.reader
for _ in $(seq 50); do if admitted; then echo "admitted with all of them"; exit 0; fi; done
exit 1
