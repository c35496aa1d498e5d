package main

import (
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"
)

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		GroupID: "help",
		Short:   "Print the version, and those of the parts it is made of",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			platform, parts := runtime.GOOS+"/"+runtime.GOARCH, parts()
			if a.output == "json" {
				return a.printJSON(map[string]any{"version": version(), "go": runtime.Version(), "platform": platform, "parts": parts})
			}
			fmt.Fprintf(a.Out, "signgate %s %s %s\n", version(), runtime.Version(), platform)
			for _, path := range slices.Sorted(maps.Keys(parts)) {
				fmt.Fprintf(a.Out, "  %s %s\n", path, parts[path])
			}
			return nil
		},
	}
}

// parts are the modules that people ask for, with their versions.
func parts() map[string]string {
	versions := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			switch d.Path {
			case "github.com/sigstore/cosign/v2", "helm.sh/helm/v3", "k8s.io/client-go", "cloud.google.com/go/kms":
				versions[d.Path] = d.Version
			}
		}
	}
	return versions
}

// version is that of the module that this program was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
