package iam

import "strings"

// Changing says whether a method changes something, by its name: Google's APIs
// are regular enough in this for a test to hold rules against it.
func Changing(method string) bool {
	name := method[strings.LastIndex(method, "/")+1:]
	for _, reading := range []string{
		"Get", "List", "BatchGet", "Search", "Query", "Test", "Lint", "Fetch", "Check", "Show", "Count", "Wait",
		"Verify", "Encrypt", "Decrypt", "RawEncrypt", "RawDecrypt", "AsymmetricSign", "AsymmetricDecrypt", "MacSign", "MacVerify", "GenerateRandomBytes", "Decapsulate",
		"Sign", "Export",
	} {
		if strings.HasPrefix(name, reading) {
			return false
		}
	}
	return true
}
