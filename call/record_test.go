package call

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"tandem/media"
)

// TestRecordsAreWrittenInSnakeCase looks at every key of a record that has them all.
func TestRecordsAreWrittenInSnakeCase(t *testing.T) {
	now := time.Unix(1, 0).UTC()
	leg := LegRecord{ID: "l", Connector: "fake", Via: "v", Remote: "r", Codec: "PCMU", MOS: 4, Media: media.Stats{
		PacketsIn: 1, PacketsOut: 2, BytesIn: 3, BytesOut: 4, Lost: 5, Late: 6, Dropped: 7, Jitter: 8, RemoteLost: 9, RoundTrip: 10, FirstIn: now, LastIn: now,
	}}
	rec := Record{
		ID: "c", Node: "n", Began: now, Rang: now, Answered: now, Ended: now, From: "f", FromName: "fn", To: "t",
		A: leg, B: leg, Tried: []Attempt{{"fake", "x", "y", Busy, "z"}}, Cause: Lost, Text: "e", Path: "p", Talked: 11,
	}
	text, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	keys := regexp.MustCompile(`"([^"]+)":`).FindAllStringSubmatch(string(text), -1)
	if len(keys) < 50 {
		t.Errorf("only %d keys in %s", len(keys), text)
	}
	for _, key := range keys {
		if !regexp.MustCompile(`^[a-z_]+$`).MatchString(key[1]) {
			t.Errorf("the key %s", key[1])
		}
	}
	var again Record
	if err := json.Unmarshal(text, &again); err != nil || again.A != rec.A || again.Talked != rec.Talked {
		t.Errorf("read back: %+v, %v", again, err)
	}
}
