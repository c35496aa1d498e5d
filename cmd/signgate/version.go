package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		GroupID: "help",
		Short:   "Print the version, and those of the parts it is made of",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			fmt.Fprintf(a.Out, "signgate %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			if info == nil {
				return nil
			}
			for _, d := range info.Deps {
				switch d.Path {
				case "github.com/sigstore/cosign/v2", "helm.sh/helm/v3", "k8s.io/client-go", "cloud.google.com/go/kms":
					fmt.Fprintf(a.Out, "  %s %s\n", d.Path, d.Version)
				}
			}
			return nil
		},
	}
}

// version is that of the module that this program was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
