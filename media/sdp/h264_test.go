package sdp

import (
	"reflect"
	"testing"
)

func h264(t *testing.T, fmtp string) H264 {
	t.Helper()
	h, err := ParseH264(fmtp)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestProfilesAreToldByTheirFlags(t *testing.T) {
	for _, c := range []struct {
		fmtp    string
		profile H264Profile
		level   uint8
		mode    int
	}{
		{"", Baseline, 10, 0},
		{"profile-level-id=42e01f;packetization-mode=1", ConstrainedBaseline, 31, 1},
		{"profile-level-id=42801F; packetization-mode=1", Baseline, 31, 1}, // Cisco and Poly: without constraint_set1
		{"profile-level-id=42C00D", ConstrainedBaseline, 13, 0},
		{"packetization-mode=0;profile-level-id=4d0020", Main, 32, 0},
		{"profile-level-id=4d801f", ConstrainedBaseline, 31, 0},
		{"profile-level-id=640028;packetization-mode=1", High, 40, 1},
		{"profile-level-id=640c1f", ConstrainedHigh, 31, 0},
		{"profile-level-id=42f00b", ConstrainedBaseline, 9, 0}, // level 1b
		{"profile-level-id=6e0028", OtherProfile, 40, 0},
	} {
		h := h264(t, c.fmtp)
		if h.Profile != c.profile || h.Level != c.level || h.Mode != c.mode {
			t.Errorf("%q: %+v", c.fmtp, h)
		}
	}
	for _, bad := range []string{"profile-level-id=42e0", "profile-level-id=zzzzzz", "profile-level-id="} {
		if _, err := ParseH264(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestAnAnswerKeepsTheProfileAndLowersTheLevel(t *testing.T) {
	for _, c := range []struct{ ours, offer, want string }{
		{"profile-level-id=42e01f;packetization-mode=1", "profile-level-id=42800d;packetization-mode=1", "profile-level-id=42800d;packetization-mode=1"},
		{"profile-level-id=42e01f;packetization-mode=1", "profile-level-id=42e028;packetization-mode=1", "profile-level-id=42e01f;packetization-mode=1"},
		{
			"profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1",
			"profile-level-id=42c00d;packetization-mode=1;level-asymmetry-allowed=1",
			"profile-level-id=42c01f;packetization-mode=1;level-asymmetry-allowed=1",
		},
		{"profile-level-id=42e01f", "profile-level-id=42f00b", "profile-level-id=42f00b;packetization-mode=0"},
	} {
		ours, offer := h264(t, c.ours), h264(t, c.offer)
		if !ours.Matches(offer) {
			t.Errorf("%q does not match %q", c.ours, c.offer)
		}
		if got := ours.Answer(offer).FMTP(); got != c.want {
			t.Errorf("%q answers %q, want %q", got, c.offer, c.want)
		}
	}
	for _, c := range [][2]string{
		{"profile-level-id=42e01f;packetization-mode=1", "profile-level-id=42e01f"},
		{"profile-level-id=42e01f", "profile-level-id=64001f"},
		{"profile-level-id=42e01f", "profile-level-id=4d001f"},
	} {
		if h264(t, c[0]).Matches(h264(t, c[1])) {
			t.Errorf("%q matches %q", c[0], c[1])
		}
	}
}

func TestParametersAreWrittenAsTheyWereRead(t *testing.T) {
	const fmtp = "profile-level-id=42e016;packetization-mode=1;max-fs=3600;max-mbps=108000;max-br=2000;sprop-parameter-sets=Z0LAH4yNQFA=,aM48gA=="
	h := h264(t, fmtp)
	if h.FMTP() != fmtp || len(h.Sets) != 2 || h.Sets[1][0] != 0x68 {
		t.Errorf("%q", h.FMTP())
	}
	if again := h264(t, h.FMTP()); !reflect.DeepEqual(again, h) {
		t.Errorf("%+v", again)
	}
}

func TestALevelSaysHowLargeAPictureMayBe(t *testing.T) {
	for _, c := range []struct {
		fmtp       string
		w, h, rate int
	}{
		{"profile-level-id=42e01f", 1280, 720, 30},
		{"profile-level-id=42e01f", 1920, 1080, 0},
		{"profile-level-id=42e00d", 352, 288, 30},
		{"profile-level-id=42e00d", 640, 360, 0},
		{"profile-level-id=42e00d;max-fs=3600;max-mbps=54000", 1280, 720, 15},
		{"profile-level-id=640028", 1920, 1080, 30},
		{"profile-level-id=42e0ff", 1920, 1080, 254},
	} {
		rate, ok := h264(t, c.fmtp).Takes(c.w, c.h)
		if rate != c.rate || ok != (c.rate > 0) {
			t.Errorf("%s: %dx%d at %d, %v", c.fmtp, c.w, c.h, rate, ok)
		}
	}
}

func FuzzH264(f *testing.F) {
	f.Add("profile-level-id=42e01f;packetization-mode=1;sprop-parameter-sets=Z0LAH4yNQFA=,aM48gA==")
	f.Fuzz(func(t *testing.T, fmtp string) {
		h, err := ParseH264(fmtp)
		if err != nil {
			return
		}
		h.Takes(1280, 720)
		if again, err := ParseH264(h.FMTP()); err != nil || !reflect.DeepEqual(again, h) {
			t.Errorf("%q became %+v, %v", fmtp, again, err)
		}
	})
}
