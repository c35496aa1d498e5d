package main

import (
	"strings"
	"testing"

	"github.com/signgate/signgate/internal/engine"
)

// drift is one thing that somebody may do to a setup by hand, and what must come of it.
type drift struct {
	name  string
	spoil func(*bench)
	gate  engine.GateState
	step  string // whose resource differs
	means string // part of the sentence that says what it is for the gate
	// repair makes it right: "apply" does so without a word, "overwrite" only if the step is
	// named, else a person must; then by does what the repair command says.
	repair string
	by     func(*bench)
}

func drifts() []drift {
	return []drift{
		{"the webhook deleted", (*bench).deleteWebhook, engine.GateOpen, "controller", "has no webhook policy.sigstore.dev to ask", "overwrite", nil},
		{"the webhook for tags deleted", (*bench).deleteTagWebhook, engine.GateShut, "controller", "no tag is turned into a digest", "overwrite", nil},
		{"the webhooks about policies deleted", (*bench).deletePolicyWebhooks, engine.GateAtRisk, "controller", "a policy is taken as it is written", "overwrite", nil},
		{"the key version disabled", (*bench).disableVersion, engine.GateAtRisk, "key", "version 1 of key \"cosign\" is disabled: it signs nothing more", "overwrite", nil},
		{"a role on the project removed", (*bench).takeProjectRole, engine.GateAtRisk, "identity", "has lost roles/cloudkms.viewer: the policy controller cannot read the key any more", "overwrite", nil},
		{"a role on the project that is no matter removed", (*bench).takeLogRole, engine.GateHolds, "identity", "nothing changes for the gate: ", "overwrite", nil},
		{"the role on the repository removed", (*bench).takeReader, engine.GateShut, "identity", "images are now refused because cosign-test-cluster-sa@", "overwrite", nil},
		{"the account disabled", (*bench).disableAccount, engine.GateShut, "identity", "the nodes' account is gone or disabled", "overwrite", nil},
		{"the label removed", (*bench).unlabel, engine.GateOpen, "enforcement", "the gate is open because namespace \"default\" is not labelled", "overwrite", nil},
		{"the policy only warns", (*bench).warnOnly, engine.GateOpen, "policy", "has mode warn: it only warns, and admits everything", "overwrite", nil},
		{"the policy is about other images", (*bench).otherImages, engine.GateShut, "policy", "is about elsewhere.example/*, not ", "overwrite", nil},
		{"the policy wants another key", (*bench).otherKey, engine.GateShut, "policy", "images are now refused because policy \"private-signed-images-cip\" wants a signature by ", "overwrite", nil},
		{"the policy takes one key more", (*bench).oneKeyMore, engine.GateOpen, "policy", "also lets in what is signed by ", "overwrite", nil},
		{"the policy looks for signatures elsewhere", (*bench).otherSource, engine.GateShut, "policy", "authority 0 with source [{\"oci\":\"", "overwrite", nil},
		{"the policy takes everything", (*bench).anythingGoes, engine.GateOpen, "policy", "it lets in everything, signed or not", "overwrite", nil},
		{"the policy deleted", (*bench).deletePolicy, engine.GateShut, "policy", "policy \"private-signed-images-cip\" is gone", "apply", nil},
		{"the controller scaled to zero", (*bench).scaleDown, engine.GateShut, "controller", "is scaled to zero: nobody answers the webhook", "overwrite", nil},
		{"the webhook fails open", (*bench).failOpen, engine.GateAtRisk, "controller", "whoever stops it opens the gate", "overwrite", nil},
		{"scaled to zero, and failing open", func(b *bench) { b.failOpen(); b.scaleDown() }, engine.GateOpen, "controller", "which fails open", "overwrite", nil},
		{"the chart upgraded", (*bench).upgradeChart, engine.GateAtRisk, "controller", "somebody has put policy-controller 0.99.0 (deployed) in the place of ", "overwrite", nil},
		{"the chart's values changed", (*bench).changeValues, engine.GateAtRisk, "controller", ": loglevel is debug", "overwrite", nil},
		{"the .sig tag deleted", (*bench).deleteSignature, engine.GateShut, "signature", "has lost its signature: it is refused at its next start", "apply", nil},
		{"the deployment deleted", (*bench).deleteDeployment, engine.GateHolds, "proof", "", "apply", nil},
		{"the deployment scaled to zero", (*bench).scaleApp, engine.GateHolds, "proof", "this one just is not there", "overwrite", nil},
		{"the API of Cloud KMS off", func(b *bench) { b.disableAPI("cloudkms.googleapis.com") }, engine.GateAtRisk, "apis", "the API of Cloud KMS is off", "overwrite", nil},
		{"the API of Artifact Registry off", func(b *bench) { b.disableAPI("artifactregistry.googleapis.com") }, engine.GateShut, "apis", "the API of Artifact Registry is off", "overwrite", nil},
		{"the cluster's labels removed", (*bench).unlabelCluster, engine.GateHolds, "cluster", "has lost the labels", "", (*bench).labelCluster},
		{"a node pool without the scope", (*bench).addPool, engine.GateAtRisk, "cluster", "lacks the scope https://www.googleapis.com/auth/cloudkms", "", (*bench).deletePool},
	}
}

// Each drift is made by somebody's own clients. status tells of it, says what it means and what
// to do; apply mends what is missing and reverts nobody unasked; and then all is well again.
func TestDrift(t *testing.T) {
	t.Parallel()
	b := newBench(t).whole()
	t.Run("nothing", func(t *testing.T) { b.with(t).runsSinceItWasMade() })
	for _, d := range drifts() {
		ok := t.Run(d.name, func(t *testing.T) {
			one := b.with(t)
			d.spoil(one)
			one.isSeen(d)
			one.isMended(d)
			if r, code := one.status(); code != exitDone || !r.OK || r.Gate.State != engine.GateHolds {
				t.Fatalf("afterwards: exit code %d, gate %+v, %s", code, r.Gate, unlike(r))
			}
		})
		if !ok {
			return // the next would find what this one has left
		}
	}
	t.Run("rotated by hand", func(t *testing.T) { b.with(t).rotatedByHand() })
	t.Run("asked at a terminal", func(t *testing.T) { b.with(t).askedFirst() })
	t.Run("not rotated", func(t *testing.T) { b.with(t).notRotated() })
	t.Run("rotated", func(t *testing.T) { b.with(t).rotated() })
	t.Run("killed while it is uninstalled", func(t *testing.T) { b.with(t).uninstalledHalf() })
	t.Run("destroyed", func(t *testing.T) {
		one := b.with(t)
		one.ends(exitDone, "destroy", "--yes")
		one.nothingLeft()
	})
}

// runsSinceItWasMade holds the running time to the cloud's own word for the cluster.
func (b *bench) runsSinceItWasMade() {
	r, _ := b.status()
	for _, f := range r.Findings {
		if f.Resource.Kind == "container.cluster" && !f.Created.IsZero() && r.Running != nil && r.Running.Since.Equal(f.Created) {
			return
		}
	}
	b.Errorf("the cluster is said to run %+v", r.Running)
}

// isSeen looks for the difference in the report.
func (b *bench) isSeen(d drift) {
	b.Helper()
	r, code := b.status()
	if code != exitDiffers || r.OK {
		b.Errorf("status ended with %d", code)
	}
	if r.Gate.State != d.gate {
		b.Errorf("the gate is said to be %q (%s), want %q", r.Gate.State, r.Gate.Means, d.gate)
	}
	told := false
	for _, f := range r.Findings {
		if f.Step != d.step || !f.Differs() {
			continue
		}
		repairs := f.Repair != "" && (d.repair != "overwrite" || strings.Contains(f.Repair, "--overwrite-changes="+d.step))
		told = told || strings.Contains(f.Means, d.means) && repairs && f.Real != f.Wanted
	}
	if !told {
		b.Errorf("no finding of %s means %q: %s", d.step, d.means, unlike(r))
	}
}

// unlike is what of a report is not as wanted.
func unlike(r engine.Report) string {
	var lines []string
	for _, f := range r.Findings {
		if f.State != engine.AsWanted {
			lines = append(lines, f.Step+" "+f.Title+": "+string(f.State)+", is "+f.Real+", means "+f.Means+", repair "+f.Repair)
		}
	}
	return "\n" + strings.Join(lines, "\n")
}

// isMended has apply do what it may, and no more.
func (b *bench) isMended(d drift) {
	b.Helper()
	switch d.repair {
	case "apply":
		b.ends(exitDone, "apply", "--yes")
	case "overwrite":
		before := b.record()
		out := b.ends(exitDiffers, "apply", "--yes")
		if !strings.Contains(out, "--overwrite-changes="+d.step) || !strings.Contains(out, "is: ") || !strings.Contains(out, "wanted: ") {
			b.Errorf("apply --yes does not show the difference and how to revert it:\n%s", out)
		}
		if after := b.record(); after.Serial != before.Serial {
			b.Errorf("apply --yes has changed the record")
		}
		b.ends(exitDone, "apply", "--yes", "--overwrite-changes="+d.step)
	default:
		b.ends(exitFailed, "apply", "--yes")
		d.by(b)
	}
}

// askedFirst changes two things: apply shows both and asks; no is no, and yes reverts them.
func (b *bench) askedFirst() {
	b.Helper()
	b.unlabel()
	b.warnOnly()
	out, code := b.run("n\n", "apply")
	if code != exitDiffers || !strings.Contains(out, "revert these 2 changes? [y/N]") || !strings.Contains(out, "--overwrite-changes=policy,enforcement") {
		b.Errorf("no is answered with %d:\n%s", code, out)
	}
	if out := b.ends(exitDiffers, "apply", "--yes", "--overwrite-changes=policy"); !strings.Contains(out, "--overwrite-changes=enforcement") {
		b.Errorf("one of two was named:\n%s", out)
	}
	if r, _ := b.status(); r.Gate.State != engine.GateOpen {
		b.Errorf("not reverted, the gate is %+v", r.Gate)
	}
	b.ends(exitUsage, "apply", "--yes", "--overwrite-changes=nothing")
	if out, code := b.run("y\ny\n", "apply"); code != exitDone {
		b.Errorf("yes is answered with %d:\n%s", code, out)
	}
	if _, code := b.status(); code != exitDone {
		b.Error("it is not as it was")
	}
}

// rotatedByHand adds a version to the key, as somebody would who does not know of the policy.
func (b *bench) rotatedByHand() {
	b.Helper()
	b.newVersion()
	b.isSeen(drift{gate: engine.GateAtRisk, step: "key", means: "somebody has made version 2 of key \"cosign\""})
	b.ends(exitDone, "apply", "--yes") // it takes nothing away
	b.isSeen(drift{gate: engine.GateAtRisk, step: "key", means: "somebody has made version 2"})
	b.ends(exitDone, "rotate", "--yes")
	if r, code := b.status(); code != exitDone || !strings.Contains(r.Rotation, "to version 2 of the key; version 1 is accepted as well") {
		b.Errorf("rotated: exit code %d, %q, %s", code, r.Rotation, unlike(r))
	}
	b.ends(exitDone, "rotate", "--finish", "--yes")
	if r, code := b.status(); code != exitDone || r.Rotation != "" {
		b.Errorf("finished: exit code %d, %q, %s", code, r.Rotation, unlike(r))
	}
}
