package kube_test

import (
	"errors"
	"io"
	"os"
	"testing"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"

	"github.com/signgate/signgate/internal/kube"
)

// Whatever the severity and the way, nothing of what the libraries log reaches the terminal.
func TestQuiet(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	terminal := os.Stderr
	os.Stderr = w
	defer func() { os.Stderr = terminal }()
	kube.Quiet()
	klog.Info("info")
	klog.Warning("warning")
	klog.Error("error")
	klog.ErrorS(errors.New("why"), "structured")
	klog.Background().Error(errors.New("why"), "by a logger")
	utilruntime.HandleError(errors.New("handled")) //nolint:staticcheck // as client-go itself still does
	klog.Flush()
	w.Close()
	if said, err := io.ReadAll(r); err != nil || len(said) > 0 {
		t.Errorf("on standard error: %q (%v)", said, err)
	}
}
