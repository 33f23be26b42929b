//go:build peers

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tshark reads a capture file and returns the fields of the packets that pass the filter.
func tshark(t *testing.T, file []byte, filter string, fields ...string) []string {
	t.Helper()
	program, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	path := filepath.Join(t.TempDir(), "call.pcapng")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-n", "-r", path, "-Y", filter, "-T", "fields", "-E", "separator=;"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.CommandContext(t.Context(), program, args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	return strings.Fields(strings.ReplaceAll(string(out), " ", "_"))
}

// Wireshark's own reader understands the file: the ladder, and the streams that the
// SDP in it announces.
func TestTsharkReadsACapture(t *testing.T) {
	t.Parallel()
	file := captured(t, false)
	ladder := strings.Join(tshark(t, file, "sip", "sip.Method", "sip.Status-Code", "frame.comment"), "\n")
	for _, want := range []string{"INVITE;;", ";200;", "BYE;;", "ACK;;", "secrets_are_taken_out"} {
		if !strings.Contains(ladder, want) {
			t.Errorf("the ladder has no %s:\n%s", want, ladder)
		}
	}
	packets := tshark(t, file, "rtp", "rtp.p_type", "frame.cap_len", "frame.len")
	if len(packets) < 50 {
		t.Fatalf("tshark sees %d RTP packets: %q", len(packets), packets)
	}
	for _, p := range packets {
		if p != "0;40;200" { // PCMU, 20 ms: nothing after the header is kept
			t.Errorf("got %s", p)
			break
		}
	}
	if bad := tshark(t, file, "_ws.malformed && !rtp", "frame.number"); len(bad) > 0 {
		t.Errorf("malformed packets: %q", bad)
	}
}

func TestTsharkHearsACaptureWithMedia(t *testing.T) {
	t.Parallel()
	packets := tshark(t, captured(t, true), "rtp", "rtp.p_type", "frame.cap_len", "frame.len")
	if len(packets) < 50 {
		t.Fatalf("tshark sees %d RTP packets", len(packets))
	}
	for _, p := range packets {
		if p != "0;200;200" {
			t.Errorf("got %s", p)
			break
		}
	}
}
