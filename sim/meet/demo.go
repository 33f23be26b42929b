package meet

import "time"

// ExampleTokens are the access tokens of the example meetings' tenant.
func ExampleTokens() []AccessToken {
	return []AccessToken{
		{Value: "example-trusted-0123456789", Tenant: "example", Trusted: true},
		{Value: "example-untrusted-0123456789", Tenant: "example"},
	}
}

// ExampleMeetings are meetings for demonstrations and for trying things out: a
// lively one, and lobbies that end in every way.
func ExampleMeetings() []Meeting {
	host := Person{Name: "Ada Example", Colour: "#c03020", Tone: 300}
	lobby := func(pin, code, title string, a Admission) Meeting {
		return Meeting{PIN: pin, Code: code, Title: title, Tenant: "example", People: []Person{host}, Admit: a}
	}
	return []Meeting{
		{
			PIN: "1234567890123", Code: "abc-mnop-xyz", Title: "Weekly planning", Tenant: "example", People: lively(),
			Admit: Admission{After: 3 * time.Second, Action: "admit"},
		},
		lobby("1234567890124", "lob-byad-mit", "Admitted after five seconds", Admission{After: 5 * time.Second, Action: "admit"}),
		lobby("1234567890125", "lob-byde-nyx", "Refused after three seconds", Admission{After: 3 * time.Second, Action: "deny"}),
		lobby("1234567890126", "lob-byno-one", "Nobody opens the door", Admission{}),
		{PIN: "1234567890127", Code: "end-edme-ets", Title: "Yesterday's meeting", Tenant: "example", Ended: true},
		{PIN: "1234567890128", Code: "vid-eolo-cks", Title: "Without video of rooms", Tenant: "example", People: []Person{host}, VideoLocked: true},
		{PIN: "1234567890129", Code: "emp-tyro-oms", Title: "A meeting for gateways only", Tenant: "example"},
	}
}

// lively is half a minute of a meeting, again and again: people talk in turn, one
// mutes, one turns the camera off, one shares a screen, one comes and goes.
func lively() []Person {
	const s, round = time.Second, 30 * time.Second
	at := func(t time.Duration, do Action, f time.Duration) Step { return Step{At: t, Do: do, For: f} }
	return []Person{
		{Name: "Ada Example", Colour: "#c03020", Tone: 300, Repeat: round, Steps: []Step{at(0, Talk, 5*s), at(18*s, Talk, 4*s)}},
		{Name: "Bob Example", Colour: "#2060c0", Tone: 350, Repeat: round, Steps: []Step{at(5*s, Talk, 5*s), at(10*s, Share, 10*s)}},
		{Name: "Cy Example", Colour: "#208040", Tone: 400, Repeat: round, Steps: []Step{at(10*s, Talk, 4*s), at(14*s, Mute, 0), at(26*s, Unmute, 0)}},
		{Name: "Di Example", Colour: "#e0a020", Tone: 450, Repeat: round, Steps: []Step{at(14*s, Talk, 4*s), at(20*s, CameraOff, 0), at(24*s, CameraOn, 0)}},
		{
			Name: "Ed Example", Kind: Anonymous, Colour: "#8030a0", Tone: 500, Absent: true, Repeat: round,
			Steps: []Step{at(6*s, Join, 0), {At: 7 * s, Do: Say, Text: "Hello everybody"}, at(22*s, Talk, 3*s), at(27*s, Leave, 0)},
		},
		{Name: "+1 •••-•••-••47", Kind: Phone, Tone: 550, Repeat: round, Steps: []Step{at(25*s, Talk, 4*s)}},
	}
}
