package kube

import (
	"flag"
	"io"

	"k8s.io/klog/v2"
)

// Quiet keeps the Kubernetes libraries from writing to the terminal: what they have to say
// also comes back as an error, and is told in signgate's own way.
func Quiet() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	// What it does not log to standard error it still copies there from a severity on. Only
	// what ends the program is left.
	var flags flag.FlagSet
	klog.InitFlags(&flags)
	_ = flags.Set("stderrthreshold", "FATAL") // a name of its own
}
