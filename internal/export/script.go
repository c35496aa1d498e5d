package export

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/signgate/signgate/steps"
)

//go:embed preamble.sh
var preamble string

// Script is a bash script that does what the setup does, with the programs of others.
// Its commands are the steps' own, those that the wizard shows; around them it only
// says what may be there already, what passes by itself, and what must be refused.
func Script(s Setup) string {
	var out strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	a := s.Answers
	line("#!/usr/bin/env bash")
	line("# Setup %s as one would type it: project %s, %s, cluster %s.", s.Name, a.Project, a.Region, s.names().ClusterID())
	line("# Written by signgate export script. It needs gcloud with gke-gcloud-auth-plugin, cosign 2.6")
	line("# or 3, crane, helm, kubectl and sha256sum. It can be run again. What it makes is on no")
	line("# record of signgate's: signgate destroy does not remove it.")
	if v := s.keyVersion(); v != "1" {
		line("# The key version is that of the record, %s. In a project without the key its first one is 1.", v)
	}
	line("folder=%s", quoted("signgate-"+s.Name))
	out.WriteString(preamble)
	for _, one := range steps.List(a, nil, s.options()) {
		info := one.Info()
		line("\n# %s", sentence(info.Why))
		line("step %s", quoted(info.Title))
		for _, command := range one.Commands() {
			line("%s", scripted(command))
		}
	}
	line("\nprintf '\\nDone: the unsigned ones were refused, the signed one runs. To look around:\\n  export KUBECONFIG=%%q\\n' \"$KUBECONFIG\"")
	return out.String()
}

// quoted is one word of bash, whatever is in it.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }

// The programs whose commands go over the network and may have to be repeated.
func programs() []string { return []string{"gcloud", "cosign", "crane", "helm", "kubectl"} }

// scripted is a command as the script has it.
func scripted(command string) string {
	program, _, _ := strings.Cut(command, " ")
	bare, words, mustFail := strings.Cut(command, "  # refused: ")
	switch {
	case strings.HasPrefix(command, "gcloud auth application-default login"), strings.HasPrefix(command, "gcloud config set "):
		return "# Before: " + command // asks a person; and every command here names the project
	case strings.HasPrefix(command, "#"), strings.Contains(command, "\n"):
		return command
	case !slices.Contains(programs(), program):
		return broken(command)
	case mustFail:
		return broken("refused " + quoted(words) + " " + bare)
	case creates(command):
		return broken("once " + command)
	}
	return broken("run " + command)
}

// creates says whether a command's verb is to create: a second time it answers that
// the thing is there already.
func creates(command string) bool {
	verbs, _, _ := strings.Cut(command, " --")
	words := strings.Fields(verbs)
	return slices.Contains(words, "create") || slices.Contains(words, "create-auto")
}

// wide is how long a line of the script may be before it is broken.
const wide = 100

// broken breaks a long command before its flags, outside of all quotes.
func broken(command string) string {
	if len(command) <= wide {
		return command
	}
	var out strings.Builder
	var quote byte
	at := 0 // where the line at hand begins
	for i := 0; i < len(command); i++ {
		switch c := command[i]; {
		case quote == 0 && c == '\\':
			out.WriteByte(c)
			i++
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == quote:
			quote = 0
		case quote == 0 && c == ' ' && i > at && next(command[i+1:])+i-at > wide:
			out.WriteString(" \\\n   ")
			at = i - len("   ")
		}
		out.WriteByte(command[i])
	}
	return out.String()
}

// next is how long the word is that a command goes on with.
func next(rest string) int {
	var quote byte
	for i := range len(rest) {
		switch c := rest[i]; {
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == quote:
			quote = 0
		case quote == 0 && c == ' ':
			return i
		}
	}
	return len(rest)
}
