package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheRequestIsNotInstalledForItsAnswer(t *testing.T) {
	dir := t.TempDir()
	all := &commands{}
	all.Token.Dir = filepath.Join(dir, "gateway")
	csr := csrCmd{Name: "gw.example.com", Out: filepath.Join(dir, "gw.csr")}
	if err := csr.Run(all); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(csr.Out); err != nil || !strings.Contains(string(text), "BEGIN CERTIFICATE REQUEST") {
		t.Errorf("%s %v", text, err)
	}
	install := installCmd{File: csr.Out}
	if err := install.Run(all); err == nil || !strings.Contains(err.Error(), "this is the request") {
		t.Errorf("%v", err)
	}
	if err := (statusCmd{}).Run(all); err != nil {
		t.Error(err)
	}
}
