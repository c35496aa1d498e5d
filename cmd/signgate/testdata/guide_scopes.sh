#!/usr/bin/env bash
# The guide's mistake: GKE's classic scopes written out, and the one of Cloud KMS left out. The
# nodes' account has every role it needs, and its tokens are good for nothing at KMS.
set -euo pipefail

PROJECT_ID="$GOOGLE_CLOUD_PROJECT" REGION=northamerica-northeast1 CLUSTER=without-kms
SA="cosign-test-cluster-sa@$PROJECT_ID.iam.gserviceaccount.com"
SCOPE=https://www.googleapis.com/auth
gcloud container clusters create "$CLUSTER" --zone "$REGION-a" --num-nodes 1 --service-account "$SA" \
  --scopes "$SCOPE/devstorage.read_only,$SCOPE/logging.write,$SCOPE/monitoring,$SCOPE/servicecontrol,$SCOPE/service.management.readonly,$SCOPE/trace.append,$SCOPE/userinfo.email"
gcloud container clusters get-credentials "$CLUSTER" --zone "$REGION-a"
helm repo add sigstore https://sigstore.github.io/helm-charts
helm install policy-controller sigstore/policy-controller --namespace cosign-system --create-namespace --wait
kubectl apply -f - <<YAML
apiVersion: policy.sigstore.dev/v1alpha1
kind: ClusterImagePolicy
metadata:
  name: private-signed-images-cip
spec:
  images:
  - glob: "$REGION-docker.pkg.dev/$PROJECT_ID/containers/*"
  authorities:
  - key:
      kms: "gcpkms://projects/$PROJECT_ID/locations/$REGION/keyRings/cosign/cryptoKeys/cosign/cryptoKeyVersions/1"
YAML
kubectl wait --for=condition=Ready=False --timeout=5m clusterimagepolicy/private-signed-images-cip
kubectl get clusterimagepolicy/private-signed-images-cip -o jsonpath='{.status.conditions[?(@.type=="KeysInlined")].message}{"\n"}'
