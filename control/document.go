package control

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// document is a version's document. A secret in it is the name it is kept under.
type document struct {
	Config json.RawMessage `json:"config,omitempty"`
	Packed []byte          `json:"packed,omitempty"` // the same, by gzip, when it is long: a thousand versions are kept
}

const (
	packFrom    = 8 << 10 // bytes
	maxDocument = 8 << 20 // bytes, unpacked
)

func packDocument(text []byte) (document, error) {
	if len(text) < packFrom {
		return document{Config: text}, nil
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(text)
	if err = errors.Join(err, w.Close()); err != nil {
		return document{}, fmt.Errorf("pack the configuration: %w", err)
	}
	return document{Packed: b.Bytes()}, nil
}

func (d document) text() ([]byte, error) {
	if d.Packed == nil {
		return d.Config, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(d.Packed))
	if err != nil {
		return nil, fmt.Errorf("unpack the configuration: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err == nil && len(text) > maxDocument {
		err = fmt.Errorf("it has more than %d bytes", maxDocument)
	}
	if err != nil {
		return nil, fmt.Errorf("unpack the configuration: %w", err)
	}
	return text, nil
}
