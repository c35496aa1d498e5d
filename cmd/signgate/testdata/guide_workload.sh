#!/usr/bin/env bash
# After the guide: its second half again on an Autopilot cluster, where pods have identities of
# their own. The nodes' account has no role but the nodes' least; what reads the key is
# policy-controller itself, and nobody else.
set -euo pipefail

PROJECT_ID="$GOOGLE_CLOUD_PROJECT" REGION=northamerica-northeast1 CLUSTER=auto
IMAGE="$(kubectl get deployment nginx -o jsonpath='{.spec.template.spec.containers[0].image}')"
PROJECT_NUMBER="$(gcloud projects describe "$PROJECT_ID" --format 'value(projectNumber)')"
MEMBER="principal://iam.googleapis.com/projects/$PROJECT_NUMBER/locations/global/workloadIdentityPools/$PROJECT_ID.svc.id.goog/subject/ns/cosign-system/sa/policy-controller-webhook"
key() { gcloud kms keys "$1-iam-policy-binding" cosign --keyring cosign --location "$REGION" --member "$MEMBER" --role "$2" >/dev/null; }
create() { kubectl create deployment again --image="$1" --dry-run=server; }

echo "== before the pool"
if key add roles/cloudkms.viewer 2>&1; then exit 1; fi

gcloud iam service-accounts create "$CLUSTER-sa"
gcloud projects add-iam-policy-binding "$PROJECT_ID" --role roles/container.defaultNodeServiceAccount \
  --member "serviceAccount:$CLUSTER-sa@$PROJECT_ID.iam.gserviceaccount.com" >/dev/null
gcloud artifacts repositories add-iam-policy-binding containers --location "$REGION" --role roles/artifactregistry.reader \
  --member "serviceAccount:$CLUSTER-sa@$PROJECT_ID.iam.gserviceaccount.com" >/dev/null
gcloud container clusters create-auto "$CLUSTER" --region "$REGION" --service-account "$CLUSTER-sa@$PROJECT_ID.iam.gserviceaccount.com"
gcloud container clusters get-credentials "$CLUSTER" --region "$REGION"
if gcloud container node-pools list --cluster "$CLUSTER" --region "$REGION" 2>&1; then exit 1; fi

key add roles/cloudkms.viewer
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
kubectl label namespace default policy.sigstore.dev/include=true
POLICY=clusterimagepolicy/private-signed-images-cip

echo "== without roles/cloudkms.publicKeyViewer"
kubectl wait --for=condition=Ready=False --timeout=5m "$POLICY" >/dev/null
kubectl get "$POLICY" -o jsonpath='{.status.conditions[?(@.type=="KeysInlined")].message}{"\n"}'
key add roles/cloudkms.publicKeyViewer
kubectl annotate "$POLICY" read=again >/dev/null
kubectl wait --for=condition=Ready --timeout=5m "$POLICY"

echo "== without roles/artifactregistry.reader"
if create "$IMAGE" 2>&1; then exit 1; fi
gcloud artifacts repositories add-iam-policy-binding containers --location "$REGION" --member "$MEMBER" --role roles/artifactregistry.reader >/dev/null
echo "== with all of them"
for _ in $(seq 50); do if create "$IMAGE" 2>/dev/null; then break; fi; sleep 0.5; done
create "$IMAGE"
