package chart

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"time"
)

// The image's layer is an archive (tar) of one file, packed as gzip without
// compression: then every byte of it is either the binary's, at a place that can be
// computed, or a few of framing. So it is served straight from the binary.

// joined reads one thing after the other.
type joined []part

type part struct {
	io.ReaderAt
	size int64
}

func (j joined) size() int64 {
	var n int64
	for _, p := range j {
		n += p.size
	}
	return n
}

// ReadAt reads from the part that has the offset, and from those after it.
func (j joined) ReadAt(p []byte, at int64) (n int, err error) {
	for _, part := range j {
		if at >= part.size {
			at -= part.size
			continue
		}
		want := min(int64(len(p)-n), part.size-at)
		m, err := part.ReadAt(p[n:n+int(want)], at)
		if n += m; int64(m) < want {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF // the file was cut meanwhile
			}
			return n, err
		}
		if at = 0; n == len(p) {
			return n, nil
		}
	}
	return n, io.EOF
}

// archived is the binary as the only file of an archive.
func archived(binary io.ReaderAt, size int64) joined {
	var head bytes.Buffer
	w := tar.NewWriter(&head)
	// A buffer takes everything, and this header is in order.
	_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: program, Mode: 0o555, Size: size, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR})
	tail := make([]byte, (512-size%512)%512+1024)
	return joined{{bytes.NewReader(head.Bytes()), int64(head.Len())}, {binary, size}, {bytes.NewReader(tail), int64(len(tail))}}
}

const (
	gzipHead  = 10
	gzipTail  = 8
	blockHead = 5
	blockMost = 0xffff
)

// stored is gzip in blocks that are not compressed (RFC 1951, 3.2.4; RFC 1952).
type stored struct {
	joined
	crc uint32 // of the plain bytes, IEEE
}

func (s stored) size() int64 {
	plain := s.joined.size()
	blocks := (plain + blockMost - 1) / blockMost
	return gzipHead + blocks*blockHead + plain + gzipTail
}

// ReadAt computes what is at an offset.
func (s stored) ReadAt(p []byte, at int64) (n int, err error) {
	for n < len(p) {
		m, err := s.some(p[n:], at+int64(n))
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// some reads up to the end of the frame or block that the offset is in.
func (s stored) some(p []byte, at int64) (int, error) {
	plain, total := s.joined.size(), s.size()
	switch {
	case at < gzipHead:
		return copy(p, []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}[at:]), nil
	case at >= total:
		return 0, io.EOF
	case at >= total-gzipTail:
		tail := binary.LittleEndian.AppendUint32(nil, s.crc)
		tail = binary.LittleEndian.AppendUint32(tail, uint32(plain))
		return copy(p, tail[at-(total-gzipTail):]), nil
	}
	block, within := (at-gzipHead)/(blockHead+blockMost), (at-gzipHead)%(blockHead+blockMost)
	begin := block * blockMost
	length := min(blockMost, plain-begin)
	if within < blockHead {
		head := []byte{0}
		if begin+length == plain {
			head[0] = 1 // the last
		}
		head = binary.LittleEndian.AppendUint16(head, uint16(length))
		head = binary.LittleEndian.AppendUint16(head, ^uint16(length))
		return copy(p, head[within:]), nil
	}
	within -= blockHead
	m, err := s.joined.ReadAt(p[:min(int64(len(p)), length-within)], begin+within)
	if errors.Is(err, io.EOF) && m > 0 {
		err = nil
	}
	return m, err
}
