#!/usr/bin/env bash
# What a setup has left in its project and its cluster, by the programs of others alone, so that
# two ways to one end can be held against each other. Left out is what no two setups share or what
# is only told to people: labels, descriptions, times, random ids and numbers, and who applied what.
set -euo pipefail
region="$1" project="$2" ring="$3" repository="$4" image="$5" cluster="$6" place="$7" namespace="$8"

section() { printf '\n== %s\n' "$1"; }
sorted() { LC_ALL=C sort; }

section APIs
gcloud services list --enabled --project="$project" --format='value(config.name)' | sorted
section keys
gcloud kms keys list --keyring="$ring" --location="$region" --project="$project" \
  --format='csv[no-heading](name,purpose,versionTemplate.algorithm,versionTemplate.protectionLevel)'
for key in $(gcloud kms keys list --keyring="$ring" --location="$region" --project="$project" --format='value(name)'); do
  gcloud kms keys versions list --key="${key##*/}" --keyring="$ring" --location="$region" --project="$project" --format='csv[no-heading](name,state,algorithm)'
  gcloud kms keys get-iam-policy "$key" --format='csv[no-heading](bindings.role,bindings.members)' --flatten=bindings,bindings.members | sorted
done
section repository
gcloud artifacts repositories describe "$repository" --location="$region" --project="$project" --format='csv[no-heading](name,format,mode)'
gcloud artifacts repositories get-iam-policy "$repository" --location="$region" --project="$project" \
  --flatten=bindings,bindings.members --format='csv[no-heading](bindings.role,bindings.members)' | sorted
section images
for tag in $(crane ls "$image" | sorted); do
  case "$tag" in
  *.sig) echo "$tag holds $(crane manifest "$image:$tag" | grep -o 'dev.cosignproject.cosign/signature' | wc -l)" ;;
  *) echo "$tag $(crane digest "$image:$tag")" ;;
  esac
done
section accounts
gcloud iam service-accounts list --project="$project" --format='csv[no-heading](email,displayName,disabled)' | sorted
gcloud projects get-iam-policy "$project" --flatten=bindings,bindings.members --format='csv[no-heading](bindings.role,bindings.members)' | sorted
section cluster
gcloud container clusters describe "$cluster" "$place" --project="$project" --format='yaml(
  name,location,status,network,autopilot.enabled,releaseChannel.channel,workloadIdentityConfig,ipAllocationPolicy.useIpAliases,
  nodePools[].name,nodePools[].initialNodeCount,nodePools[].config.machineType,nodePools[].config.diskSizeGb,
  nodePools[].config.serviceAccount,nodePools[].config.metadata,
  nodePools[].config.workloadMetadataConfig,nodePools[].management)'
gcloud container clusters describe "$cluster" "$place" --project="$project" --flatten='nodePools[].config.oauthScopes[]' \
  --format='value(nodePools.config.oauthScopes)' | sorted # gcloud writes them in an order of its own
gcloud container clusters get-credentials "$cluster" "$place" --project="$project" 2>/dev/null
section controller
helm list --namespace cosign-system --output yaml | grep -E 'name:|chart:|status:|app_version:'
helm get values policy-controller --namespace cosign-system
kubectl get deployments,services,validatingwebhookconfigurations,mutatingwebhookconfigurations --namespace cosign-system --output name | sorted
section policies
kubectl get clusterimagepolicies -o jsonpath='{range .items[*]}{.metadata.name}{" "}{.spec}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}'
kubectl get namespaces -o jsonpath='{range .items[*]}{.metadata.name}{" "}{.metadata.labels.policy\.sigstore\.dev/include}{"\n"}{end}' | sorted
section deployments
kubectl get deployments --namespace "$namespace" \
  -o jsonpath='{range .items[*]}{.metadata.name}{" "}{.spec.replicas}{" "}{.spec.template.spec.containers[0].image}{" "}{.status.conditions[?(@.type=="Available")].status}{"\n"}{end}'
