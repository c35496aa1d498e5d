package kms

import (
	"encoding/hex"
	"testing"
)

// RFC 5649, section 6: the two examples.
func TestUnwrapAES(t *testing.T) {
	t.Parallel()
	bytes := func(text string) []byte {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	key := bytes("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
	for wrapped, want := range map[string]string{
		"138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a": "c37b7e6492584340bed12207808941155068f738",
		"afbeb0f07dfbf5419200f2ccb50bb24f":                                 "466f7250617369",
	} {
		got, err := unwrapAES(key, bytes(wrapped))
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %x, %v", wrapped, got, err)
		}
		broken := bytes(wrapped)
		broken[0] ^= 1
		if got, err := unwrapAES(key, broken); err == nil {
			t.Errorf("a changed one gives %x", got)
		}
	}
	for _, short := range []string{"", "00", "0011223344556677", "138bdeaa9b8fa7fc61f97742e72248ee5a"} {
		if got, err := unwrapAES(key, bytes(short)); err == nil {
			t.Errorf("%q gives %x", short, got)
		}
	}
}
