# Stands in for every program that a script calls: it notes the words, each ended by a NUL,
# and answers as the program would.
words() { printf '%s\0' "$@" $'\x01' >>"$WORDS"; }
gcloud() {
  words gcloud "$@"
  if [ "$1 $2" = 'projects describe' ]; then echo 4711; fi
}
cosign() { words cosign "$@"; }
helm() { words helm "$@"; }
crane() {
  words crane "$@"
  if [ "$1" = digest ]; then echo "$DIGEST"; fi
}
kubectl() {
  words kubectl "$@"
  local w
  for w in "$@"; do
    case "$w" in
    --image=*@"$DIGEST") return 0 ;;
    --image=*:signgate-unsigned) echo 'no signatures found' && return 1 ;;
    --image=*:signgate-wrong-key) echo 'no matching signatures' && return 1 ;;
    --image=*) echo 'no matching policies' && return 1 ;;
    esac
  done
}
sha256sum() { words sha256sum "$@" "$(cat)"; }
gke-gcloud-auth-plugin() { :; }
sleep() { :; }
date() { echo 1; }
