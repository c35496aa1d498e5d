// Roots that this program sets (in the sandbox) hold on every system, also on macOS,
// which has its own idea of them.
//
//go:debug x509usefallbackroots=1

// Command signgate takes a Google Cloud project to a GKE cluster that runs only
// images signed with a Cloud KMS key, and proves it live. This package wires
// flags, streams and the environment to the packages that do the work: a file a verb.
package main

import "os"

func main() { os.Exit(Main()) }
