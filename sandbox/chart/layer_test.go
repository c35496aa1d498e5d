package chart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"testing"
)

// TestStored reads layers of sizes around the edges of blocks as other people's
// programs do, and in pieces.
func TestStored(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{0, 1, 511, 512, 513, blockMost - 1536, blockMost - 512, blockMost, blockMost + 1, 5*blockMost + 77} {
		data := make([]byte, size)
		_, _ = rand.NewChaCha8([32]byte{byte(size)}).Read(data)
		archive := archived(bytes.NewReader(data), size)
		plain, err := io.ReadAll(io.NewSectionReader(archive, 0, archive.size()))
		if err != nil {
			t.Fatal(err)
		}
		layer := stored{archive, crc32.ChecksumIEEE(plain)}
		packed, err := io.ReadAll(io.NewSectionReader(layer, 0, layer.size()))
		if err != nil || int64(len(packed)) != layer.size() {
			t.Fatalf("%d: %d bytes of %d, %v", size, len(packed), layer.size(), err)
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		files := tar.NewReader(z)
		h, err := files.Next()
		if err != nil || h.Name != program || h.Size != size {
			t.Fatalf("%d: %+v, %v", size, h, err)
		}
		if got, err := io.ReadAll(files); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d: the file is another, %v", size, err)
		}
		if _, err := files.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("%d: after the file: %v", size, err)
		}
		for range 200 {
			from := rand.Int64N(layer.size())
			piece := make([]byte, 1+rand.Int64N(layer.size()-from))
			if n, err := layer.ReadAt(piece, from); err != nil || !bytes.Equal(piece[:n], packed[from:from+int64(n)]) || n != len(piece) {
				t.Fatalf("%d: %d bytes at %d: %d, %v", size, len(piece), from, n, err)
			}
		}
	}
}
