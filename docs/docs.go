// Package docs holds the documents that the program shows itself.
package docs

import _ "embed"

// Sample is the configuration that names every field, with what it means.
//
//go:embed tandem.yaml
var Sample string
