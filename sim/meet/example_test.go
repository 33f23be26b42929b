package meet_test

import (
	"context"
	"fmt"
	"time"

	"tandem/sim/meet"
)

// A test starts an edge, points its client at EdgeURL (roots from CertPool), makes
// people do things, and reads what was received from the client.
func Example() {
	edge := &meet.Server{Config: meet.Config{
		Tokens: []meet.AccessToken{{Value: "trusted-token-0123456789", Tenant: "example", Trusted: true}},
		Meetings: []meet.Meeting{{PIN: "1234567890123", Title: "Weekly planning", Tenant: "example", People: []meet.Person{
			{Name: "Ada", Colour: "#c03020", Tone: 400, Steps: []meet.Step{{At: time.Second, Do: meet.Talk, For: 3 * time.Second}}},
		}}},
	}}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := edge.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer edge.Close()
	if _, err := edge.NewGateway("gateway-1", meet.GatewayCert{}); err != nil { // certificate and key for the client's tokens
		fmt.Println(err)
		return
	}

	if err := edge.Do("1234567890123", "Ada", meet.Step{Do: meet.Share}); err != nil {
		fmt.Println(err)
		return
	}
	st, err := edge.WaitFor(ctx, "1234567890123", "a presenter", func(m meet.MeetingState) bool { return m.Presenter != "" })
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(st.Title, "-", st.Presenter, st.People[0].Colour)
	// With a device in the meeting:
	//	d, _ := st.Device("Board room")
	//	d.Up.Track("h").Height, d.Up.Track("h").Colour, d.Up.Track("audio").Tone
	// Output:
	// Weekly planning - Ada #c03020
}
