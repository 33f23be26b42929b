package gvoice_test

import (
	"context"
	"fmt"
	"time"

	"tandem/sim/gvoice"
)

// A test starts an edge, points its client at it (DialContext or Addr for SIP,
// TokenURL for OAuth, CertPool as roots) and waits for what should happen.
func Example() {
	edge := &gvoice.Server{Config: gvoice.Config{
		Accounts: []gvoice.Account{{Number: "+12025550123", ClientID: "id", ClientSecret: "secret", RefreshToken: "refresh"}},
		People:   []gvoice.Person{{Number: "+12025550190", AnswerAfter: time.Second, Tone: 800, TalkFor: 5 * time.Second}},
	}}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := edge.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer edge.Close()
	fmt.Println(edge.Hosts())

	call, err := edge.PlaceCall(ctx, gvoice.Incoming{To: "+12025550123", From: "+12025550147"})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, _ := call.Wait(ctx)
	fmt.Println(report.Outcome)
	// Output:
	// [voice.telephony.goog alt1.voice.telephony.goog obihai.telephony.goog alt1.obihai.telephony.goog fi.telephony.goog]
	// voicemail: no device is registered
}
