package steps

import (
	"testing"

	"github.com/signgate/signgate/internal/kube"
)

func TestChangedRelease(t *testing.T) {
	values := func() map[string]any {
		return map[string]any{"webhook": map[string]any{"extraArgs": map[string]any{"disable-tuf": true}}}
	}
	wanted := &kube.Release{Version: "0.10.6", Status: "deployed", Values: values()}
	more := values()
	more["webhook"].(map[string]any)["replicaCount"] = 3
	more["loglevel"] = "debug"
	for want, rel := range map[string]*kube.Release{
		"somebody has put policy-controller 0.99.0 (deployed) in the place of 0.10.6, with which signgate was tested":       {Version: "0.99.0", Status: "deployed", Values: values()},
		"the release of policy-controller 0.10.6 is failed: its last change has not come to its end":                        {Version: "0.10.6", Status: "failed", Values: values()},
		"somebody has changed the values of policy-controller 0.10.6: loglevel is debug, webhook.replicaCount is 3":         {Version: "0.10.6", Status: "deployed", Values: more},
		"somebody has changed the values of policy-controller 0.10.6: webhook.extraArgs.disable-tuf is not set":             {Version: "0.10.6", Status: "deployed"},
		"somebody has changed the values of policy-controller 0.10.6: webhook.extraArgs.disable-tuf is not set, x is [a b]": {Version: "0.10.6", Status: "deployed", Values: map[string]any{"x": []string{"a", "b"}}},
	} {
		if got := changedRelease(rel, wanted); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
