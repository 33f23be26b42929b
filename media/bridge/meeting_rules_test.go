package bridge

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tandem/media"
	"tandem/media/compose"
	"tandem/media/prompt"
)

func TestKeypad(t *testing.T) {
	for _, row := range []struct {
		name, keys string
		want       []command
	}{
		{"mute", "*6", []command{toggleMute}},
		{"layout and presentation", "*8*4", []command{nextLayout, toggleMix}},
		{"a digit alone means nothing", "688", nil},
		{"each key twice, as an event and by INFO", "**66", []command{toggleMute}},
		{"another key disarms the star", "*16", nil},
		{"a number with stars", "*1*6", []command{toggleMute}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var k keypad
			var got []command
			now := time.Unix(1000, 0)
			for _, key := range row.keys {
				now = now.Add(300 * time.Millisecond)
				if c := k.press(now, key); c != nothing {
					got = append(got, c)
				}
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("%q gives %v, want %v", row.keys, got, row.want)
			}
		})
	}
	var k keypad
	k.press(time.Unix(1000, 0), '*')
	if c := k.press(time.Unix(1005, 0), '6'); c != nothing {
		t.Error("a star was remembered for five seconds")
	}
}

func TestWhatIsSaid(t *testing.T) {
	start := time.Unix(1000, 0)
	until := start.Add(30 * time.Second)
	ada := []media.Person{{ID: "ada"}}
	type step struct {
		at     time.Duration
		roster media.Roster
		want   prompt.Name
	}
	for _, row := range []struct {
		name  string
		steps []step
	}{
		{"waiting is said, and again later", []step{
			{0, media.Roster{Stage: media.Joining}, ""},
			{time.Second, media.Roster{Stage: media.Waiting, Until: until}, prompt.Waiting},
			{2 * time.Second, media.Roster{Stage: media.Waiting, Until: until}, ""},
			{27 * time.Second, media.Roster{Stage: media.Waiting, Until: until}, prompt.Waiting},
			{28 * time.Second, media.Roster{Stage: media.Joined, People: ada}, prompt.Admitted},
			{29 * time.Second, media.Roster{Stage: media.Joined, People: ada}, ""},
		}},
		{"nobody answered", []step{
			{0, media.Roster{Stage: media.Waiting, Until: until}, prompt.Waiting},
			{30 * time.Second, media.Roster{Stage: media.Refused}, prompt.Unanswered},
			{31 * time.Second, media.Roster{Stage: media.Refused}, ""},
		}},
		{"somebody refused", []step{
			{0, media.Roster{Stage: media.Waiting, Until: until}, prompt.Waiting},
			{10 * time.Second, media.Roster{Stage: media.Refused}, prompt.Refused},
		}},
		{"alone, once, and again after somebody was there", []step{
			{0, media.Roster{}, ""},
			{4 * time.Second, media.Roster{}, ""},
			{5 * time.Second, media.Roster{}, prompt.Alone},
			{20 * time.Second, media.Roster{}, ""},
			{21 * time.Second, media.Roster{People: ada}, ""},
			{22 * time.Second, media.Roster{}, ""},
			{27 * time.Second, media.Roster{}, prompt.Alone},
			{28 * time.Second, media.Roster{Stage: media.Finished}, prompt.Ended},
		}},
		{"recorded, also when it was before we came in", []step{
			{0, media.Roster{Stage: media.Waiting}, prompt.Waiting},
			{time.Second, media.Roster{People: ada, Recording: true}, prompt.Admitted},
			{2 * time.Second, media.Roster{People: ada, Recording: true}, prompt.Recording},
			{3 * time.Second, media.Roster{People: ada, Recording: true}, ""},
			{4 * time.Second, media.Roster{People: ada}, ""},
			{5 * time.Second, media.Roster{People: ada, Recording: true}, prompt.Recording},
		}},
		{"a reception speaks for itself", []step{{0, media.Roster{Stage: media.Typing}, ""}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var k teller
			for _, s := range row.steps {
				if got := k.next(start.Add(s.at), &s.roster); got != s.want {
					t.Errorf("after %v, %v: %q, want %q", s.at, s.roster.Stage, got, s.want)
				}
			}
		})
	}
}

func TestWhoGetsAPlace(t *testing.T) {
	r := &media.Roster{People: []media.Person{
		{ID: "off", VideoMuted: true}, {ID: "pending"}, {ID: "late"}, {ID: "seen"}, {ID: "frozen"}, {ID: "phone", Telephone: true},
	}}
	v := &view{slots: 3, streams: []seen{{id: "seen"}, {id: "frozen", frozen: true}}}
	for _, row := range []struct {
		name, speaker string
		places        int
		want          string
		others        int
	}{
		{"pictures first, then those that may come", "", 8, "seen+ frozen+grey pending+ off late phone", 0},
		{"who speaks before all, also without a picture", "off", 8, "off seen+ frozen+grey pending+ late phone", 0},
		{"no place for all", "", 2, "seen+ frozen+grey phone", 3},
		{"the speaker always has one", "late", 1, "late phone", 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			v.speaker = row.speaker
			list, others := participants(r, v, row.places)
			got := ""
			for _, p := range list {
				got += " " + p.ID
				if p.Camera {
					got += "+"
				}
				if p.Frozen {
					got += "grey"
				}
			}
			if got != " "+row.want || others != row.others {
				t.Errorf("%q and %d others, want %q and %d", got, others, row.want, row.others)
			}
		})
	}
}

func TestWhereAPresentationIs(t *testing.T) {
	shared := &media.Roster{People: []media.Person{{ID: "ada", Name: "Ada", Presenting: true}, {ID: "ben"}}}
	for _, row := range []struct {
		name   string
		roster *media.Roster
		view   view
		want   string
	}{
		{"in the picture", shared, view{}, "content ada"},
		{"*4 takes it out", shared, view{toggled: true}, ""},
		{"on the second screen", shared, view{second: true}, ""},
		{"*4 brings it in", shared, view{second: true, toggled: true}, "content ada"},
		{"seen before it is announced", &media.Roster{People: []media.Person{{ID: "ben"}}}, view{streams: []seen{{"ben", true, false}}}, "content ben"},
		{"not in the lobby", &media.Roster{Stage: media.Waiting, People: shared.People}, view{}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := stateOf(row.roster, &row.view).Presentation; got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestStagesHaveScreens(t *testing.T) {
	for stage, want := range map[media.Stage]compose.ScreenKind{
		media.Joined: compose.Meeting, media.Joining: compose.Message, media.Waiting: compose.Lobby,
		media.Typing: compose.Splash, media.Refused: compose.Message, media.Finished: compose.Message,
	} {
		s := stateOf(&media.Roster{Stage: stage, People: []media.Person{{ID: "ada"}}, Typed: "12"}, &view{notice: "hello"})
		if s.Screen.Kind != want {
			t.Errorf("%v shows %v, want %v", stage, s.Screen.Kind, want)
		}
		if (len(s.Participants) > 0) != (stage == media.Joined) {
			t.Errorf("%v shows %d people", stage, len(s.Participants))
		}
	}
}

func TestFormats(t *testing.T) {
	level := func(size, rate, bitrate int) media.Limits {
		return media.Limits{FrameSize: size, BlockRate: rate, Bitrate: bitrate}
	}
	for _, row := range []struct {
		name, codec, fmtp string
		limits            media.Limits
		want              string
	}{
		{"no limits", "VP8", "", media.Limits{}, "1280x720@30 1500k"},
		{"640x360", "VP8", "", media.Limits{FrameSize: 920, FrameRate: 15}, "640x360@15 600k"},
		{"H.264 level 3.1", "H264", "profile-level-id=42e01f; packetization-mode=1", level(3600, 108000, 14_000_000), "1280x720@30 1500k"},
		{"H.264 level 3.0", "H264", "packetization-mode=1", level(1620, 40500, 10_000_000), "848x480@25 800k"},
		{"H.264 level 1.2", "H264", "packetization-mode=1", level(396, 6000, 384_000), "416x234@15 300k"},
		{"VP8 of pjsip", "VP8", "max-fr=30; max-fs=580", media.Limits{FrameSize: 580, FrameRate: 30, Bitrate: 256_000}, "512x288@30 256k"},
		{"H.264 level 1, mode 0", "H264", "", level(99, 1485, 64_000), "320x180@5 64k single"},
		{"a bandwidth line", "H264", "packetization-mode=1", level(3600, 108000, 500_000), "960x540@30 500k"},
		{"a narrow path", "VP8", "", level(0, 0, 100_000), "320x180@30 100k"},
		{"a path that carries nothing", "VP8", "", level(0, 0, 1), "320x180@30 50k"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := formatFor(media.StreamInfo{Codec: row.codec, FMTP: row.fmtp, Limits: row.limits})
			got := fmt.Sprintf("%dx%d@%d %dk", f.width, f.height, f.rate, f.bitrate/1000)
			if f.single {
				got += " single"
			}
			if got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}
