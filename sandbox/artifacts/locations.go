package artifacts

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/cloud/location"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Regions are where repositories can be: Google Cloud's regions, and three
// multi-regions.
func Regions() []string {
	return []string{
		"africa-south1", "asia", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3", "asia-south1", "asia-south2",
		"asia-southeast1", "asia-southeast2", "australia-southeast1", "australia-southeast2", "europe", "europe-central2", "europe-north1", "europe-north2",
		"europe-southwest1", "europe-west1", "europe-west10", "europe-west12", "europe-west2", "europe-west3", "europe-west4", "europe-west6", "europe-west8",
		"europe-west9", "me-central1", "me-central2", "me-west1", "northamerica-northeast1", "northamerica-northeast2", "northamerica-south1",
		"southamerica-east1", "southamerica-west1", "us", "us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west2", "us-west3", "us-west4",
	}
}

func isLocation(id string) bool { return slices.Contains(Regions(), id) }

func noLocation(id string) error {
	return status.Errorf(codes.PermissionDenied, "Location %s is not found or access is unauthorized.", id)
}

type places struct {
	location.UnimplementedLocationsServer
	s *Service
}

// ListLocations lists them all.
func (p places) ListLocations(_ context.Context, req *location.ListLocationsRequest) (*location.ListLocationsResponse, error) {
	if req.GetFilter() != "" {
		return nil, invalid("Filtering locations is not part of the sandbox.")
	}
	var all []*location.Location
	for _, id := range Regions() {
		all = append(all, &location.Location{Name: p.s.canonical(req.GetName()) + "/locations/" + id, LocationId: id})
	}
	some, next, err := page(all, req)
	return &location.ListLocationsResponse{Locations: some, NextPageToken: next}, err
}

// GetLocation looks one up.
func (p places) GetLocation(_ context.Context, req *location.GetLocationRequest) (*location.Location, error) {
	name := p.s.canonical(req.GetName())
	id := name[strings.LastIndex(name, "/")+1:]
	if !isLocation(id) {
		return nil, noLocation(id)
	}
	return &location.Location{Name: name, LocationId: id}, nil
}
