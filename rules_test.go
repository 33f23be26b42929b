package tandem

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "tandem"

// mayImport is the tree's dependency direction: folder -> folders it may import.
// ARCHITECTURE.md explains it. "x/..." is x and everything below it.
var mayImport = map[string][]string{
	".": {"alarm", "api", "evidence", "webhook", "identity", "call", "web", "capacity", "cluster", "config", "control", "leg/...", "media/...", "metrics", "route", "sip/...", "store", "token", "toll", "alarm/mail", "capture", "tracing"},

	"call":  {"media", "internal/mailbox", "internal/crew"},
	"route": {"call", "internal/rewrite"},

	"leg/invite":    {"call", "media", "media/transport", "media/sdp", "media/dtmf", "sip", "sip/...", "internal/crew", "internal/mailbox"},
	"leg/sipua":     {"leg/invite", "alarm", "call", "media", "media/transport", "media/sdp", "media/dtmf", "sip/...", "sip", "token", "internal/mailbox", "internal/public"},
	"leg/meet":      {"alarm", "call", "media", "media/rtp", "media/transport", "token", "internal/mailbox", "internal/pipe"},
	"leg/reception": {"alarm", "call", "media", "media/codec", "media/prompt", "media/tone", "internal/mailbox", "internal/rewrite"},
	"leg/gvoice":    {"leg/invite", "alarm", "call", "media", "media/transport", "media/sdp", "media/dtmf", "sip/...", "sip", "token", "internal/public"},

	"media":                {},
	"media/bridge":         {"media", "media/mix", "media/compose", "media/simulcast", "media/codec", "media/codec/...", "media/dtmf", "media/prompt", "media/tone", "media/rtp", "media/video"},
	"media/codec":          {"media", "media/codec/..."},
	"media/codec/openh264": {"media/video"},
	"media/codec/opus":     {},
	"media/codec/vpx":      {"media/video"},
	"media/codec/yuv":      {"media/video"},
	"media/dtmf":           {"media"},
	"media/compose":        {"media/codec/yuv", "media/video"},
	"media/mix":            {},
	"media/prompt":         {"media/codec"},
	"media/rtp":            {"media", "media/video"},
	"media/sdp":            {"media"},
	"media/simulcast":      {"media/codec/vpx", "media/video"},
	"media/tone":           {"media"},
	"media/transport":      {"media", "media/rtp", "media/sdp", "media/dtmf", "internal/pipe", "media/bfcp"},
	"media/bfcp":           {},
	"media/video":          {},

	"sip":             {},
	"sip/auth":        {"sip"},
	"sip/dialog":      {"sip", "sip/auth", "sip/flow", "sip/transaction"},
	"sip/flow":        {"sip"},
	"sip/transaction": {"sip", "sip/flow"},

	"alarm":                  {},
	"alarm/mail":             {"alarm", "token"},
	"capture":                {"evidence", "media/transport", "store"},
	"api":                    {"alarm", "call", "capture", "cluster", "config", "control", "evidence", "identity", "identity/oidc", "leg/gvoice", "leg/meet", "leg/reception", "leg/sipua", "media", "route", "store", "token", "webhook"},
	"webhook":                {"alarm", "store", "token", "internal/public"},
	"evidence":               {"call", "media", "sip/flow"},
	"tracing":                {"call", "token"},
	"identity":               {"store"},
	"identity/oidc":          {"token", "internal/public"},
	"identity/oidc/oidctest": {},
	"metrics":                {},
	"web":                    {},
	"store":                  {},
	"support":                {"config", "store", "token"},
	"token":                  {"alarm", "store", "internal/public"},
	"toll":                   {"alarm", "call"},
	"capacity":               {"alarm", "call"},
	"cluster":                {"alarm", "store"},
	"control":                {"alarm", "config", "store", "token"},
	"docs":                   {},
	"config":                 {"call", "capacity", "docs", "identity/oidc", "leg/...", "media/transport", "metrics", "route", "sip/flow", "store", "token", "toll", "evidence", "alarm/mail", "tracing"},
	"importer":               {"call", "config", "internal/public", "internal/rewrite", "leg/gvoice", "leg/reception", "leg/sipua", "route", "token"},

	// The stand-ins import nothing of ours, so no bug can hide by being on both sides.
	"sim/audio":   {},
	"sim/ca":      {},
	"sim/gvoice":  {"sim/audio", "sim/ca", "sim/pipe", "sim/wire"},
	"sim/h264":    {},
	"sim/meet":    {"sim/audio", "sim/ca", "sim/opus", "sim/picture", "sim/pipe", "sim/vp8"},
	"sim/opus":    {},
	"sim/phone":   {"sim/audio", "sim/wire"},
	"sim/picture": {},
	"sim/pipe":    {},
	"sim/room":    {"sim/ca", "sim/h264", "sim/phone", "sim/picture", "sim/vp8"},
	"sim/vp8":     {},
	"sim/wire":    {},

	"internal/stage":    {".", "config", "leg/gvoice", "leg/meet", "leg/reception", "leg/sipua", "route", "sip/flow", "token", "sim/..."},
	"demo":              {"call", "config", "internal/stage", "leg/sipua", "store", "sim/..."},
	"e2e":               {".", "call", "config", "control", "internal/stage", "leg/gvoice", "leg/sipua", "route", "store", "token", "sim/...", "capture"},
	"e2e/hostile":       {".", "call", "config", "internal/stage", "leg/gvoice", "leg/sipua", "route", "store", "token", "sim/..."},
	"cmd/tandem":        {".", "alarm", "demo", "config", "control", "route", "call", "leg/gvoice", "leg/sipua", "sip/flow", "store", "token", "sim/...", "evidence", "importer", "support", "internal/systemd", "metrics", "cluster", "capture"},
	"bench/cmd":         {"media/codec", "media/tone"},
	"bench/meeting":     {"internal/moving", "media/video", "token", "sim/..."},
	"bench/video":       {"internal/moving", "media/codec/openh264", "media/codec/vpx", "media/codec/yuv", "media/compose", "media/simulcast", "media/video"},
	"bench/b2bua":       {"sip", "sip/dialog", "sip/flow", "sip/transaction"},
	"bench/simulcast":   {"media", "media/bridge"},
	"bench/setup":       {"media", "media/sdp", "media/transport"},
	"bench/relay":       {"media", "media/bridge", "media/sdp", "media/transport"},
	"internal/crew":     {},
	"internal/mailbox":  {},
	"internal/systemd":  {},
	"packaging":         {"config"},
	"internal/cmem":     {},
	"internal/moving":   {"media/video"},
	"internal/public":   {},
	"internal/pipe":     {},
	"internal/vectors":  {"media/video"},
	"internal/rewrite":  {},
	"internal/postgres": {"internal/ports"},
	"internal/ports":    {},
}

func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Doc", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath, Doc string
			GoFiles         []string
			Imports         []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		from := rel(p.ImportPath)
		allowed, ok := mayImport[from]
		if !ok {
			t.Errorf("%s: a new folder; say in mayImport what it may import", from)
		}
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s: no package comment", from)
		}
		for _, im := range p.Imports {
			if to := rel(im); to != "" && !slices.ContainsFunc(allowed, func(a string) bool { return matches(a, to) }) {
				t.Errorf("%s must not import %s", from, to)
			}
		}
	}
}

func rel(importPath string) string {
	if importPath == module {
		return "."
	}
	r, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	return path.Clean(r)
}

func matches(allowed, to string) bool {
	base, deep := strings.CutSuffix(allowed, "/...")
	return to == base || deep && strings.HasPrefix(to, base+"/")
}
