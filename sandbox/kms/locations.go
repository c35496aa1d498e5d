package kms

import (
	"context"
	"slices"
	"strings"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/genproto/googleapis/cloud/location"
	"google.golang.org/protobuf/types/known/anypb"
)

// where are the places that Cloud KMS is in (cloud.google.com/kms/docs/locations), sorted.
func where() []string {
	regions := strings.Fields(`africa-south1 asia-east1 asia-east2 asia-northeast1 asia-northeast2 asia-northeast3 asia-south1 asia-south2
		asia-southeast1 asia-southeast2 australia-southeast1 australia-southeast2 europe-central2 europe-north1 europe-north2 europe-southwest1
		europe-west1 europe-west10 europe-west12 europe-west2 europe-west3 europe-west4 europe-west6 europe-west8 europe-west9 me-central1
		me-central2 me-west1 northamerica-northeast1 northamerica-northeast2 northamerica-south1 southamerica-east1 southamerica-west1
		us-central1 us-east1 us-east4 us-east5 us-south1 us-west1 us-west2 us-west3 us-west4`)
	wide := strings.Fields(`asia asia1 ca eur3 eur4 eur5 eur6 europe global in nam-eur-asia1 nam10 nam11 nam12 nam3 nam4 nam6 nam7 nam8 nam9 us`)
	all := slices.Concat(regions, wide)
	slices.Sort(all)
	return all
}

// locations are the places that keys can be in.
type locations struct {
	location.UnimplementedLocationsServer
	s *Service
}

func (l locations) proto(project, id string) (*location.Location, error) {
	meta, err := anypb.New(&kmspb.LocationMetadata{HsmAvailable: true, EkmAvailable: id != "global"})
	if err != nil {
		return nil, err
	}
	return &location.Location{
		Name: "projects/" + project + "/locations/" + id, LocationId: id, DisplayName: id,
		Labels: map[string]string{"cloud.googleapis.com/region": id}, Metadata: meta,
	}, nil
}

func (l locations) GetLocation(_ context.Context, req *location.GetLocationRequest) (*location.Location, error) {
	n, err := l.s.parse(req.GetName(), 2)
	if err != nil {
		return nil, err
	}
	return l.proto(n.project, n.location)
}

func (l locations) ListLocations(_ context.Context, req *location.ListLocationsRequest) (*location.ListLocationsResponse, error) {
	project, ok := strings.CutPrefix(req.GetName(), "projects/")
	if !ok || project == "" || strings.Contains(project, "/") {
		return nil, invalidName(req.GetName())
	}
	var all []*location.Location
	for _, id := range l.s.places {
		place, err := l.proto(l.s.projectID(project), id)
		if err != nil {
			return nil, err
		}
		all = append(all, place)
	}
	keep, err := parseFilter(req.GetFilter())
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(p *location.Location) bool { return !keep(p.ProtoReflect()) })
	page, next, _, err := paged(all, req.GetPageSize(), req.GetPageToken(), req.GetName()+"\n"+req.GetFilter())
	if err != nil {
		return nil, err
	}
	return &location.ListLocationsResponse{Locations: page, NextPageToken: next}, nil
}
