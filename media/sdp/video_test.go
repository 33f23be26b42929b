package sdp

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/media"
)

// roomGateway is a leg that can do everything, with pictures.
func roomGateway(policy Security) (Capabilities, Transport) {
	caps, tr := gateway(policy)
	caps.Video = []Codec{
		{Name: "H264", Clock: 90000, PayloadType: 97, FMTP: "profile-level-id=640028;packetization-mode=1;level-asymmetry-allowed=1"},
		{Name: "H264", Clock: 90000, PayloadType: 98, FMTP: "profile-level-id=42e028;packetization-mode=1;level-asymmetry-allowed=1"},
		{Name: "H264", Clock: 90000, PayloadType: 99, FMTP: "profile-level-id=42e028;packetization-mode=0;level-asymmetry-allowed=1"},
		{Name: "VP8", Clock: 90000, PayloadType: 100, FMTP: "max-fr=30;max-fs=8160"},
	}
	caps.Bitrate = 4_000_000
	video := tr
	video.Port = 40002
	tr.Video = &video
	return caps, tr
}

// TestRoomsOffersAreAnsweredByTheRules is TestVendorsOffersAreAnsweredByTheRules for
// descriptions with pictures; the values in testdata/rooms are invented.
func TestRoomsOffersAreAnsweredByTheRules(t *testing.T) {
	files, err := filepath.Glob("testdata/rooms/*.sdp")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d offers, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".sdp"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			offer := mustParse(t, string(text))
			var b strings.Builder
			for _, policy := range []Security{Opportunistic, Plain} {
				for _, content := range []bool{false, true} {
					caps, tr := roomGateway(policy)
					if content {
						slides := *tr.Video
						slides.Port = 40004
						caps.Content, tr.Content = caps.Video, &slides
					}
					fmt.Fprintf(&b, "== %s, content %t\n", policy, content)
					answer, agreed, err := Answer(caps, tr, offer, "")
					if err != nil {
						fmt.Fprintln(&b, err)
						continue
					}
					for _, v := range violations(offer, answer) {
						t.Errorf("%s: %s", policy, v)
					}
					b.WriteString(strings.ReplaceAll(answer.String(), "\r\n", "\n"))
					for _, s := range agreed.Streams {
						fmt.Fprintf(&b, "-> %s%s\n", describeStream(&s), describeVideo(&s))
					}
				}
			}
			golden(t, strings.TrimSuffix(file, ".sdp")+".txt", b.String())
		})
	}
}

func describeVideo(s *Stream) string {
	if s.Kind == media.Audio {
		return ""
	}
	return fmt.Sprintf(" %s shared=%t %+v rtx=%d send=%q %+v recv=%q %+v",
		s.Kind, s.Shared, s.Messages, s.SendRTX, s.Send.FMTP, s.SendLimits, s.Recv.FMTP, s.RecvLimits)
}

func TestOfferAndAnswerAgreeOnVideo(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Capabilities) // of the answerer
		want   string              // format; "" for none
	}{
		{"the best of both", func(*Capabilities) {}, "H264/high/1"},
		{"what the other leg speaks", func(c *Capabilities) { c.PreferVideo = "VP8" }, "VP8"},
		{"its packetization mode, too", func(c *Capabilities) { c.PreferVideo = "H264/baseline/0" }, "H264/baseline/0"},
		{"by name when the variant is not there", func(c *Capabilities) { c.PreferVideo = "H264/main/1" }, "H264/high/1"},
		{"one of the two only", func(c *Capabilities) { c.Video = c.Video[3:] }, "VP8"},
		{"a telephone", func(c *Capabilities) { c.Video = nil }, ""},
	} {
		for _, bundle := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, bundle %t", row.name, bundle), func(t *testing.T) {
				ours, tr := roomGateway(DTLS)
				theirs, tr2 := roomGateway(DTLS)
				if !bundle {
					ours.ICE, theirs.ICE = ICENone, ICENone
				}
				row.change(&theirs)
				offer := Offer(ours, tr)
				answer, at := mustAnswer(t, theirs, tr2, mustParse(t, offer.String()), "PCMU")
				of, err := Accept(ours, tr, offer, mustParse(t, answer.String()))
				if err != nil {
					t.Fatal(err)
				}
				a, b := at.Of(media.Video), of.Of(media.Video)
				if row.want == "" {
					if a != nil || b != nil || len(answer.Media) != 2 || answer.Media[1].Port != 0 {
						t.Errorf("a picture for a telephone:\n%s", answer)
					}
					return
				}
				if a == nil || b == nil || a.Send.Format() != row.want || b.Send.Format() != row.want || a.Shared != bundle || b.Shared != bundle {
					t.Fatalf("got %+v and %+v, want %s\n%s", a, b, row.want, answer)
				}
				equal(t, "messages", a.Messages, b.Messages)
				if !a.Messages.PLI || !a.Messages.NACK || a.Messages.REMB != bundle {
					t.Errorf("messages %+v", a.Messages)
				}
			})
		}
	}
}

func TestTheOtherLegsLimitsBoundWhatIsAskedFor(t *testing.T) {
	caps, tr := roomGateway(Plain)
	caps.VideoLimits = media.Limits{FrameSize: 3600, BlockRate: 108000, Bitrate: 1_000_000}
	d := Offer(caps, tr)
	text := d.String()
	for _, want := range []string{"profile-level-id=64001f", "profile-level-id=42e01f", "max-fs=3600", "b=TIAS:1000000"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func TestReofferKeepsTheVideoLine(t *testing.T) {
	caps, tr := roomGateway(Plain)
	far, tr2 := roomGateway(Plain)
	first := Offer(caps, tr)
	answer, _ := mustAnswer(t, far, tr2, first, "")
	caps.Last, caps.Remote = first, answer
	if again := Offer(caps, tr); len(again.Media) != 2 || again.Media[1].Port != first.Media[1].Port {
		t.Errorf("the video line is not as it was:\n%s", again)
	}
	caps.Video = nil // the new other leg has no picture
	if again := Offer(caps, tr); len(again.Media) != 2 || again.Media[1].Port != 0 {
		t.Errorf("the video line is still there:\n%s", again)
	}
	caps, _ = roomGateway(Plain)
	refused := *answer
	refused.Media = append([]Media(nil), answer.Media...)
	refused.Media[1].Port = 0
	caps.Last = &refused
	if again := Offer(caps, tr); again.Media[1].Port != 0 {
		t.Errorf("a refresh brings back refused video:\n%s", again)
	}
	caps.Full = true
	if again := Offer(caps, tr); again.Media[1].Port == 0 {
		t.Errorf("a full offer has no video:\n%s", again)
	}
}
