set -euo pipefail
umask 077
export CLOUDSDK_CORE_DISABLE_PROMPTS=1

for program in gcloud gke-gcloud-auth-plugin cosign crane helm kubectl sha256sum; do
  command -v "$program" >/dev/null || {
    echo "$program is not on the path" >&2
    exit 1
  }
done

# What is written goes to this folder, and what kubectl learns stays in it.
mkdir -p "$folder"
cd "$folder"
export KUBECONFIG="$PWD/kubeconfig"
log="$PWD/last-command.log"

# What passes by itself: an API that was switched on a moment ago, an account that is new,
# two people who change one policy, a key that is still being made, a webhook that starts.
passes='SERVICE_DISABLED|before or it is disabled|Service account .* does not exist|concurrent policy changes'
passes="$passes|Another activation or deactivation|PENDING_GENERATION|Identity Pool does not exist|failed calling webhook|no matches for kind"

step() { printf '\n== %s\n' "$1"; }

# run COMMAND…: runs it, and again for five minutes where the refusal is one that passes.
run() {
  local tries=0
  until "$@" 2>&1 | tee "$log"; do
    if ((++tries > 30)) || ! grep -qE "$passes" "$log"; then
      return 1
    fi
    echo "  (that may pass; trying again)"
    sleep 10
  done
}

# once COMMAND…: runs what creates something. That it is there already is no mistake.
once() {
  if run "$@"; then
    return 0
  fi
  grep -qiE 'already exists|already in use' "$log" || return 1
  echo "  (there already)"
}

# refused WORDS COMMAND…: tries what must be refused, and for this reason. It is asked for
# as a dry run until the gate has been told of everything, and then in earnest.
refused() {
  local words="$1" tries=0
  shift
  until { ! "$@" --dry-run=server; } >"$log" 2>&1 && grep -qE "$words" "$log"; do
    if ((++tries > 60)); then
      cat "$log"
      echo "not refused with: $words" >&2
      return 1
    fi
    sleep 5
  done
  if "$@" >"$log" 2>&1; then
    echo "admitted, and was to be refused: $*" >&2
    return 1
  fi
  cat "$log"
  echo "  (refused, as it must be)"
}
