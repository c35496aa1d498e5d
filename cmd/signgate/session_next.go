package main

import (
	"github.com/signgate/signgate/steps"
	"github.com/signgate/signgate/tui"
)

// Next is what can be done with the setup from here on.
func (s *session) Next() []tui.Hint {
	a := s.Answers()
	n := steps.NamesOf(a)
	kubectl, reach := "kubectl", "gcloud container clusters get-credentials "+n.ClusterID()+" --location="+n.ClusterLocation()+" --project="+a.Project
	if s.site.Sandbox != nil {
		kubectl, reach = "kubectl --kubeconfig=sandbox.yaml", "signgate sandbox kubeconfig >sandbox.yaml"
	}
	hints := []tui.Hint{
		{What: "reach the cluster", Command: reach},
		{What: "refused, since nobody signed it", Command: kubectl + " create deployment try --image=busybox --namespace=" + a.Namespace},
	}
	if digest := s.store.Record().Pins[steps.PinImageDigest]; digest != "" {
		hints = append(hints, tui.Hint{What: "admitted, since you signed it",
			Command: kubectl + " create deployment good --image=" + n.ImageName() + "@" + digest + " --namespace=" + a.Namespace})
	}
	return append(hints,
		tui.Hint{What: "sign one more image", Command: s.app.lineFor("sign", s.Name()) + " IMAGE"},
		tui.Hint{What: "does the gate still hold?", Command: s.app.lineFor("status", s.Name())},
		tui.Hint{What: "the same as a script", Command: s.app.lineFor("export script", s.Name())},
		tui.Hint{What: "remove it all again", Command: s.app.lineFor("destroy", s.Name())})
}
