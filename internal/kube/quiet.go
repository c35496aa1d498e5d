package kube

import (
	"io"

	"k8s.io/klog/v2"
)

// Quiet keeps the Kubernetes libraries from writing to the terminal: what they have to say
// also comes back as an error, and is told in signgate's own way.
func Quiet() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
}
