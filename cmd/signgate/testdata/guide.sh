#!/usr/bin/env bash
# The guide that signgate automates, as it is typed: gcloud, cosign, helm, kubectl. Two things
# differ. Docker's pull, tag and push are one crane copy, since there need not be a Docker
# daemon; and the signature is not told to Sigstore's public log, which is no part of the sandbox.
set -euo pipefail

export PROJECT_ID="$GOOGLE_CLOUD_PROJECT"
export REGION=northamerica-northeast1
export KEY_RING=cosign KEY=cosign REPOSITORY=containers
export CLUSTER=cosign-test-cluster
gcloud config set project "$PROJECT_ID"

# APIs.
gcloud services enable cloudkms.googleapis.com artifactregistry.googleapis.com container.googleapis.com

# A key in Cloud KMS.
gcloud kms keyrings create "$KEY_RING" --location "$REGION"
gcloud kms keys create "$KEY" --keyring "$KEY_RING" --location "$REGION" \
  --purpose asymmetric-signing --default-algorithm ec-sign-p256-sha256
KMS="gcpkms://projects/$PROJECT_ID/locations/$REGION/keyRings/$KEY_RING/cryptoKeys/$KEY"
cosign generate-key-pair --kms "$KMS"

# A private repository, and an image in it.
gcloud artifacts repositories create "$REPOSITORY" --repository-format docker --location "$REGION"
gcloud auth configure-docker "$REGION-docker.pkg.dev" --quiet
IMAGE="$REGION-docker.pkg.dev/$PROJECT_ID/$REPOSITORY/nginx"
crane copy nginx "$IMAGE"
DIGEST="$(gcloud artifacts docker images describe "$IMAGE" --format 'value(image_summary.digest)')"

# Its signature, seen beside it and verified.
cosign sign --yes --tlog-upload=false --key "$KMS" "$IMAGE@$DIGEST"
gcloud artifacts docker tags list "$IMAGE"
cosign verify --insecure-ignore-tlog=true --key "$KMS" "$IMAGE@$DIGEST"

# An account for the nodes, and what it may do.
SA="$CLUSTER-sa@$PROJECT_ID.iam.gserviceaccount.com"
gcloud iam service-accounts create "$CLUSTER-sa" --display-name "$CLUSTER nodes"
for role in logging.logWriter monitoring.metricWriter monitoring.viewer cloudkms.viewer cloudkms.verifier; do
  gcloud projects add-iam-policy-binding "$PROJECT_ID" --member "serviceAccount:$SA" --role "roles/$role"
done
gcloud artifacts repositories add-iam-policy-binding "$REPOSITORY" --location "$REGION" \
  --member "serviceAccount:$SA" --role roles/artifactregistry.reader

# The cluster.
gcloud container clusters create "$CLUSTER" --region "$REGION" --service-account "$SA" \
  --scopes gke-default,https://www.googleapis.com/auth/cloudkms
gcloud container clusters get-credentials "$CLUSTER" --region "$REGION"

# Sigstore's controller and the policy.
helm repo add sigstore https://sigstore.github.io/helm-charts
helm repo update
helm install policy-controller sigstore/policy-controller --namespace cosign-system --create-namespace --wait
kubectl apply -f - <<YAML
apiVersion: policy.sigstore.dev/v1alpha1
kind: ClusterImagePolicy
metadata:
  name: private-signed-images-cip
spec:
  images:
  - glob: "$REGION-docker.pkg.dev/$PROJECT_ID/$REPOSITORY/*"
  authorities:
  - key:
      kms: "$KMS/cryptoKeyVersions/1"
YAML
kubectl wait --for=condition=Ready --timeout=5m clusterimagepolicy/private-signed-images-cip
kubectl label namespace default policy.sigstore.dev/include=true

# The two results.
if kubectl create deployment nginx --image=nginx; then exit 1; fi
kubectl create deployment nginx --image="$IMAGE@$DIGEST"
kubectl wait --for=condition=Available --timeout=5m deployment/nginx
