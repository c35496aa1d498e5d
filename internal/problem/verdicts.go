package problem

// refusal begins what policy-controller (v0.13.1) says of an image that it refuses.
const refusal = `(?s)admission webhook "policy\.sigstore\.dev" denied the request: .*`

// verdicts are the reasons for which a cluster admits an image or refuses it, as `signgate
// try` gives them. Words alone can mean two things (no policy may be a policy without its
// key): try looks into it where the cluster can be asked.
func verdicts() []Entry {
	return []Entry{
		{ID: "signed", What: "it is signed by the policy's key", Fix: "nothing: it may run"},
		{ID: "not-enforced", What: "nobody checks it: the namespace, the webhook or the policy lets it through",
			Why: "the gate stands open", Fix: "signgate status says where"},
		{ID: "not-running", What: "it may run, but does not come to", Why: "its pods say why", Fix: "kubectl get pods; kubectl describe pod"},
		{ID: "no-policy", Pattern: refusal + `no matching policies`, What: "no policy is about this image, and what no policy is about is refused",
			Why: "the setup's policy is about the images in its own repository", Fix: "copy the image into the setup's repository (crane copy) and sign the copy: signgate sign COPY"},
		{ID: "unsigned", Pattern: refusal + `no signatures found`, What: "it has no signature", Why: "beside the image there is no tag sha256-….sig", Fix: "signgate sign IMAGE"},
		{ID: "wrong-key", Pattern: refusal + `(?:no matching signatures|invalid signature when validating)`, What: "it is signed, but not by the policy's key", Why: "somebody else's key has signed it, or a version of the key that the policy does not accept",
			Fix: "look at what it is before you vouch for it; then signgate sign IMAGE"},
		{ID: "bundle-only", What: "it is signed only in the bundle format of cosign 3, which policies with a key do not read; sign it with `signgate sign`",
			Why: "cosign 3 stores a signature as a referrer of the image; policy-controller reads those for keyless signatures only",
			Fix: "signgate sign IMAGE; or cosign 3 with --new-bundle-format=false --use-signing-config=false --tlog-upload=false"},
		{ID: "image-missing", What: "there is no such image", Why: "the registry knows no such repository, tag or digest", Fix: "check the reference: crane digest IMAGE"},
		{ID: "unresolved", Pattern: refusal + `must be an image digest`, What: "its tag could not be turned into a digest: the cluster cannot read the registry", Why: "the image is there, but not for the cluster's account, or not from where it is",
			Fix: "name it by digest to see the registry's own words; signgate status shows whether the reader role is still there"},
		{ID: "tag-unasked", What: "its tag was not turned into a digest: the webhook that does so is not registered", Why: "somebody has removed it; what is named by digest is judged as ever",
			Fix: "signgate apply --overwrite-changes=controller puts it back; until then name the image by digest"},
		{ID: "registry-unreachable", What: "the registry did not answer the cluster", Why: "the nodes have no way out, or the registry limits them, or is down", Fix: "a private cluster needs Cloud NAT; wait and try again"},
		{ID: "policy-broken", What: "the setup's policy is about it, but is gone or not in force, so everything is refused",
			Why: "the controller could not read the policy's key, or the policy was deleted", Fix: "signgate status says why, signgate apply repairs it"},
		{ID: "webhook-down", What: "the policy controller does not answer, and without its answer all is refused", Why: "it has no running pod, or cannot be reached",
			Fix: "kubectl -n cosign-system get pods; signgate status"},
		{ID: "other", What: "the cluster refused it in words that signgate does not know", Fix: "the words are the cluster's own"},
	}
}
