package steps

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	"github.com/agext/levenshtein"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/genproto/googleapis/cloud/location"

	"github.com/signgate/signgate/assets"
	"github.com/signgate/signgate/internal/engine"
	"github.com/signgate/signgate/internal/problem"
)

// placedService is a service that has things of the setup at a place.
type placedService struct {
	api, title string
	place      string                      // region or zone
	look       func(context.Context) error // looks at the place, and changes nothing
}

// placed are the services that things of the setup are in. Whether a service is at a place
// only it can say: Google adds regions, and not to all services on the same day.
func (s cloud) placed() []placedService {
	return []placedService{
		{"cloudkms.googleapis.com", "Cloud KMS", s.Region(), func(ctx context.Context) error {
			_, err := s.c.KMS.GetLocation(ctx, &location.GetLocationRequest{Name: s.Location()})
			return err
		}},
		{"artifactregistry.googleapis.com", "Artifact Registry", s.Region(), func(ctx context.Context) error {
			_, err := s.c.Artifacts.GetLocation(ctx, &location.GetLocationRequest{Name: s.Location()})
			return err
		}},
		{"container.googleapis.com", "Kubernetes Engine", s.ClusterLocation(), func(ctx context.Context) error {
			once := gax.WithRetry(nil) // the client's own way is to ask for as long as nobody answers
			_, err := s.c.GKE.GetServerConfig(ctx, &containerpb.GetServerConfigRequest{Name: s.ClusterParent()}, once)
			return err
		}},
	}
}

// noPlace is the problem of an error by which a service says that it is not at the place;
// nil of any other error.
func (s cloud) noPlace(at placedService, err error) *problem.Problem {
	p := problem.From(err)
	if p == nil || p.ID != "location-unknown" {
		return nil
	}
	kind := "region"
	if at.place == s.Zone() {
		kind = "zone"
	}
	p.What = fmt.Sprintf("%s has no %s %s for project %s", at.title, kind, at.place, s.a.Project)
	p.Fix = s.otherPlace(at.place)
	return p
}

// otherPlace says which place may have been meant, and what shows all of them.
func (s cloud) otherPlace(place string) string {
	other := func(names []string) []string {
		return slices.DeleteFunc(names, func(name string) bool { return name == place })
	}
	zones := other(s.knownZones())
	switch {
	case place == s.Zone() && len(zones) > 0:
		return fmt.Sprintf("name another: --zone %s; all of them: %s", either(zones),
			shell("gcloud", "compute", "zones", "list", "--filter=region:"+s.Region(), "--project="+s.a.Project))
	case place == s.Zone():
		return "name another zone or region; all of them: " + shell("gcloud", "compute", "zones", "list", "--project="+s.a.Project)
	}
	return fmt.Sprintf("did you mean --region %s? All of them: %s", either(nearest(s.Region(), other(knownRegions()))),
		shell("gcloud", "compute", "regions", "list", "--project="+s.a.Project))
}

// soon is how long a service is waited for: where it does not answer, signgate's list serves.
const soon = 5 * time.Second

// LocationCheck is the id of the check of region and zone.
const LocationCheck = "location"

// checkLocation asks services whether they are where the setup is to be, all at once. Those
// that cannot be asked, since their APIs are off or the account may not ask, are left out.
func (s preflight) checkLocation(ctx context.Context, services []placedService) []engine.Check {
	return []engine.Check{s.check(LocationCheck, "project", "location", func() engine.Check {
		ctx, cancel := context.WithTimeout(ctx, soon)
		defer cancel()
		answers := make([]error, len(services))
		var ask []func() []engine.Check
		for i, at := range services {
			ask = append(ask, func() []engine.Check { answers[i] = at.look(ctx); return nil })
		}
		together(ask...)
		there := map[string]bool{}
		for i, at := range services {
			if p := s.noPlace(at, answers[i]); p != nil {
				return fail(p)
			}
			there[at.place] = there[at.place] || answers[i] == nil
		}
		if there[s.ClusterLocation()] {
			return pass("%s", s.ClusterLocation())
		}
		return s.guessLocation(there[s.Region()])
	})}
}

// lastLetter is that of the last zone of any region.
const lastLetter = "f"

// guessLocation judges a place that Google could not be asked about, the region perhaps apart:
// before their first setup most projects have these APIs off. A place on signgate's list
// passes. Another one is not refused for that, since it may be newer than the list, unless no
// place of Google's could be called so; if it is none, the step that switches the APIs on stops.
func (s preflight) guessLocation(regionThere bool) engine.Check {
	region := regionThere || slices.Contains(knownRegions(), s.Region())
	place, kind, known, possible := s.Region(), "region", region, region || regionName().MatchString(s.Region())
	if region && s.Zonal() {
		place, kind = s.Zone(), "zone"
		known, possible = slices.Contains(s.knownZones(), place), place <= s.Region()+"-"+lastLetter
	}
	switch {
	case known:
		return pass("%s, by signgate's own list", s.ClusterLocation())
	case possible:
		return cannotTell(fmt.Sprintf("signgate knows no %s %s, and Google could not be asked: its APIs are off, or this account may not; %s",
			kind, place, s.otherPlace(place)))
	}
	p := raise("location-unknown", "there is no %s %s", kind, place)
	p.Why = "no place of Google's is called like that: regions are named as europe-west1 is, and zones by the letters a to " + lastLetter
	p.Fix = s.otherPlace(place) + "\nif Google names places otherwise by now, it can say so once its APIs are on: " +
		shell("gcloud", "services", "enable", "cloudkms.googleapis.com", "container.googleapis.com", "--project="+s.a.Project)
	return fail(p)
}

func knownRegions() []string {
	var names []string
	for _, r := range assets.Regions() {
		names = append(names, r.Name)
	}
	return names
}

// knownZones are the zones of the setup's region, none if signgate does not know that.
func (s cloud) knownZones() []string {
	var zones []string
	for _, r := range assets.Regions() {
		for _, letter := range r.Zones {
			if r.Name == s.Region() {
				zones = append(zones, r.Name+"-"+string(letter))
			}
		}
	}
	return zones
}

// regionName is how Google has named its regions so far: a part of the world, one of the
// compass, and a number.
func regionName() *regexp.Regexp {
	var world []string
	for _, name := range knownRegions() {
		part, _, _ := strings.Cut(name, "-")
		world = append(world, part)
	}
	return regexp.MustCompile(`^(?:` + strings.Join(world, "|") + `)-(?:central|(?:north|south)(?:east|west)?|east|west)[1-9][0-9]?$`)
}

// nearest are up to three names that are spelled most like one that is none of them.
func nearest(name string, names []string) []string {
	off := func(other string) int { return levenshtein.Distance(name, other, nil) }
	sorted := slices.SortedStableFunc(slices.Values(names), func(a, b string) int { return off(a) - off(b) })
	best := slices.DeleteFunc(slices.Clone(sorted), func(other string) bool { return off(other) > off(sorted[0]) })
	return best[:min(3, len(best))]
}

// either is names to choose from, in a sentence.
func either(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
