package image

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"

	"github.com/go-openapi/runtime"
	openapi "github.com/go-openapi/runtime/client"
	"github.com/go-openapi/strfmt"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/rekor/pkg/generated/client"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

// publicLog is Sigstore's transparency log.
const publicLog = "rekor.sigstore.dev"

// record writes a signature into the public log, for ever: the statement's hash,
// the signature, the public key and the time; not the image's name. The receipt
// travels with the signature, so that it can be checked without asking the log.
func (r Registries) record(ctx context.Context, key Key, statement, raw []byte) (*bundle.RekorBundle, error) {
	public, err := key.PublicKey()
	if err != nil {
		return nil, err
	}
	pem, err := cryptoutils.MarshalPublicKeyToPEM(public)
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	hash.Write(statement)
	entry, err := cosign.TLogUpload(ctx, r.log(), raw, hash, pem)
	if err != nil {
		return nil, fmt.Errorf("record the signature in the public log %s: %w", publicLog, err)
	}
	return bundle.EntryToBundle(entry), nil
}

// log is the log's client on our network; the log's own constructor knows only the environment's.
func (r Registries) log() *client.Rekor {
	rt := openapi.NewWithClient(publicLog, client.DefaultBasePath, []string{"https"}, &http.Client{Transport: r.HTTP})
	rt.Consumers["application/json"] = runtime.JSONConsumer()
	rt.Consumers["application/x-pem-file"] = runtime.TextConsumer()
	rt.Producers["application/json"] = runtime.JSONProducer()
	return client.New(rt, strfmt.Default)
}
