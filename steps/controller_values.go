package steps

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/signgate/signgate/internal/kube"
)

// changedRelease says how a release came to be another than the one that was wanted.
func changedRelease(rel, wanted *kube.Release) string {
	switch {
	case rel.Version != wanted.Version:
		return fmt.Sprintf("somebody has put policy-controller %s (%s) in the place of %s, with which signgate was tested", rel.Version, rel.Status, wanted.Version)
	case rel.Status != wanted.Status:
		return fmt.Sprintf("the release of policy-controller %s is %s: its last change has not come to its end", rel.Version, rel.Status)
	}
	return fmt.Sprintf("somebody has changed the values of policy-controller %s: %s", rel.Version, strings.Join(changedValues("", rel.Values, wanted.Values), ", "))
}

// changedValues are the chart's values that differ, as --set of Helm names them.
func changedValues(at string, is, wanted map[string]any) []string {
	keys := maps.Clone(is)
	if keys == nil {
		keys = map[string]any{}
	}
	maps.Copy(keys, wanted)
	var all []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		name, now, want := at+key, is[key], wanted[key]
		below, deep := now.(map[string]any)
		above, too := want.(map[string]any)
		switch {
		case reflect.DeepEqual(now, want):
		case deep && (too || want == nil), too && now == nil:
			all = append(all, changedValues(name+".", below, above)...)
		case now == nil:
			all = append(all, name+" is not set")
		default:
			all = append(all, fmt.Sprintf("%s is %v", name, now))
		}
	}
	return all
}
