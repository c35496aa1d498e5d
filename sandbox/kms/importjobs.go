package kms

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/kms/apiv1/kmspb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// importFor is how long an import job can be used.
const importFor = 3 * day

type importMethod = kmspb.ImportJob_ImportMethod

// importJob is a key for key material on its way in.
type importJob struct {
	Created   time.Time             `json:"created"`
	Method    importMethod          `json:"method"`
	Level     kmspb.ProtectionLevel `json:"protectionLevel"`
	Generated time.Time             `json:"generated,omitzero"`
	Material  []byte                `json:"material,omitempty"` // secret: PKCS #8; none before it is generated and after it has expired

	made chan struct{} // closed when it is; nil if nothing is under way
}

// wrapping is what an import method does: RSA of so many bits with OAEP, which wraps
// the key itself, or an AES key that does.
type wrapping struct {
	bits int
	hash crypto.Hash
	aes  bool
}

func wrappings(m importMethod) (wrapping, bool) {
	w, ok := map[importMethod]wrapping{
		kmspb.ImportJob_RSA_OAEP_3072_SHA1_AES_256:   {3072, crypto.SHA1, true},
		kmspb.ImportJob_RSA_OAEP_4096_SHA1_AES_256:   {4096, crypto.SHA1, true},
		kmspb.ImportJob_RSA_OAEP_3072_SHA256_AES_256: {3072, crypto.SHA256, true},
		kmspb.ImportJob_RSA_OAEP_4096_SHA256_AES_256: {4096, crypto.SHA256, true},
		kmspb.ImportJob_RSA_OAEP_3072_SHA256:         {3072, crypto.SHA256, false},
		kmspb.ImportJob_RSA_OAEP_4096_SHA256:         {4096, crypto.SHA256, false},
	}[m]
	return w, ok
}

// jobName is an import job's name in its parts.
type jobName struct {
	name
	job string
}

func (n jobName) String() string { return n.upTo(3).String() + "/importJobs/" + n.job }

func (s *Service) parseJob(text string) (jobName, error) {
	ring, job, ok := strings.Cut(text, "/importJobs/")
	if !ok || !validID(job) {
		return jobName{}, invalidName(text)
	}
	n, err := s.parse(ring, 3)
	return jobName{n, job}, err
}

// findJob looks one up; the caller holds the lock.
func (s *Service) findJob(n jobName) (*importJob, error) {
	if r := s.state.Rings[n.upTo(3).String()]; r != nil && r.Jobs[n.job] != nil {
		return r.Jobs[n.job], nil
	}
	return nil, notFound("ImportJob", n)
}

func (j *importJob) expires() time.Time { return j.Created.Add(importFor) }

func (j *importJob) state(now time.Time) kmspb.ImportJob_ImportJobState {
	switch {
	case !now.Before(j.expires()):
		return kmspb.ImportJob_EXPIRED
	case j.Generated.IsZero():
		return kmspb.ImportJob_PENDING_GENERATION
	}
	return kmspb.ImportJob_ACTIVE
}

func (j *importJob) proto(n jobName, now time.Time) *kmspb.ImportJob {
	out := &kmspb.ImportJob{
		Name: n.String(), ImportMethod: j.Method, ProtectionLevel: j.Level, State: j.state(now),
		CreateTime: timestamppb.New(j.Created), ExpireTime: timestamppb.New(j.expires()),
	}
	if !j.Generated.IsZero() {
		out.GenerateTime = timestamppb.New(j.Generated)
	}
	switch out.GetState() {
	case kmspb.ImportJob_EXPIRED:
		out.ExpireEventTime = out.GetExpireTime()
	case kmspb.ImportJob_ACTIVE:
		if key, err := j.key(); err == nil {
			if der, err := x509.MarshalPKIXPublicKey(&key.PublicKey); err == nil {
				out.PublicKey = &kmspb.ImportJob_WrappingPublicKey{Pem: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
			}
		}
	}
	return out
}

func (j *importJob) key() (*rsa.PrivateKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(j.Material)
	if err != nil {
		return nil, err
	}
	return key.(*rsa.PrivateKey), nil // it was made as one
}

// prepare generates a job's key without anybody waiting.
func (s *Service) prepare(j *importJob) {
	w, ok := wrappings(j.Method)
	if !ok || s.closed {
		return
	}
	made := make(chan struct{})
	j.made = made
	s.working.Go(func() {
		defer close(made)
		key, err := rsa.GenerateKey(rand.Reader, w.bits)
		if err != nil {
			return
		}
		material, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return
		}
		_ = s.change(func(now time.Time) error { // what cannot be saved is made again
			if j.Generated = now; now.Before(j.expires()) {
				j.Material = material
			}
			return nil
		})
	})
}

// generateAtMost is how long a look at an import job waits for its key.
const generateAtMost = 2 * time.Minute

// generated waits for the keys of a ring's import jobs, or of one, where keys are to take no
// time: the job was answered PENDING_GENERATION, and whoever looks it up finds it active.
func (s *Service) generated(ctx context.Context, n name, job string) {
	var wait []chan struct{}
	s.mu.RLock()
	if r := s.state.Rings[n.upTo(3).String()]; r != nil && s.latency.Generate == 0 && s.pending == 0 {
		for id, j := range r.Jobs {
			if j.made != nil && (job == "" || id == job) {
				wait = append(wait, j.made)
			}
		}
	}
	s.mu.RUnlock()
	end := time.NewTimer(generateAtMost)
	defer end.Stop()
	for _, made := range wait {
		select {
		case <-made:
		case <-end.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// CreateImportJob begins to make a key that wraps key material.
func (s *Service) CreateImportJob(_ context.Context, req *kmspb.CreateImportJobRequest) (*kmspb.ImportJob, error) {
	parent, err := s.parse(req.GetParent(), 3)
	if err != nil {
		return nil, err
	}
	n := jobName{parent, req.GetImportJobId()}
	if !validID(n.job) {
		return nil, invalidID("import_job_id", n.job)
	}
	want := &importJob{Method: req.GetImportJob().GetImportMethod(), Level: req.GetImportJob().GetProtectionLevel()}
	if _, ok := wrappings(want.Method); !ok {
		if want.Method == kmspb.ImportJob_IMPORT_METHOD_UNSPECIFIED {
			return nil, invalid("The import_method of the ImportJob must be specified.")
		}
		return nil, unserved("Import method %s is", want.Method)
	}
	if want.Level != kmspb.ProtectionLevel_SOFTWARE && want.Level != kmspb.ProtectionLevel_HSM {
		return nil, invalid("The protection_level of the ImportJob must be SOFTWARE or HSM.")
	}
	var out *kmspb.ImportJob
	err = s.change(func(now time.Time) error {
		r, err := s.findRing(parent)
		if err != nil {
			return err
		}
		if r.Jobs[n.job] != nil {
			return exists("ImportJob", n)
		}
		if r.Jobs == nil {
			r.Jobs = map[string]*importJob{}
		}
		want.Created = now
		r.Jobs[n.job] = want
		out = want.proto(n, now)
		s.prepare(want)
		return nil
	})
	return out, err
}

// GetImportJob looks one up.
func (s *Service) GetImportJob(ctx context.Context, req *kmspb.GetImportJobRequest) (*kmspb.ImportJob, error) {
	n, err := s.parseJob(req.GetName())
	if err != nil {
		return nil, err
	}
	s.generated(ctx, n.name, n.job)
	return look(s, func() (*kmspb.ImportJob, error) {
		j, err := s.findJob(n)
		if err != nil {
			return nil, err
		}
		return j.proto(n, s.iam.Now()), nil
	})
}

// ListImportJobs lists those of a key ring.
func (s *Service) ListImportJobs(ctx context.Context, req *kmspb.ListImportJobsRequest) (*kmspb.ListImportJobsResponse, error) {
	if n, err := s.parse(req.GetParent(), 3); err == nil {
		s.generated(ctx, n, "")
	}
	page, next, total, err := listed(s, req, 3, func(parent name) (all []*kmspb.ImportJob, err error) {
		r, err := s.findRing(parent)
		if err != nil {
			return nil, err
		}
		for _, id := range slices.Sorted(maps.Keys(r.Jobs)) {
			all = append(all, r.Jobs[id].proto(jobName{parent, id}, s.iam.Now()))
		}
		return all, nil
	})
	if err != nil {
		return nil, err
	}
	return &kmspb.ListImportJobsResponse{ImportJobs: page, NextPageToken: next, TotalSize: int32(total)}, nil
}
